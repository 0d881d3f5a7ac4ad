from __future__ import annotations

import os
import subprocess
import sys

from imjoy_engine.resources.gpu_locks import lock_card


def test_a_card_is_one_holders_or_shared_by_all(tmp_path):
    first = lock_card(tmp_path / "gpus", "GPU-1/2", shared=False)
    assert first is not None
    assert lock_card(tmp_path / "gpus", "GPU-1/2", shared=False) is None
    assert lock_card(tmp_path / "gpus", "GPU-1/2", shared=True) is None
    other = lock_card(tmp_path / "gpus", "GPU-2", shared=True)
    os.close(first)
    again = lock_card(tmp_path / "gpus", "GPU-1/2", shared=True)
    beside = lock_card(tmp_path / "gpus", "GPU-1/2", shared=True)
    assert again is not None
    assert beside is not None
    assert lock_card(tmp_path / "gpus", "GPU-1/2", shared=False) is None
    for descriptor in (other, again, beside):
        assert descriptor is not None
        os.close(descriptor)


def test_a_process_that_was_handed_the_lock_keeps_the_card(tmp_path):
    descriptor = lock_card(tmp_path, "GPU-1", shared=False)
    assert descriptor is not None
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(descriptor,)
    ) as holder:
        os.close(descriptor)
        assert lock_card(tmp_path, "GPU-1", shared=False) is None
        holder.kill()
    freed = lock_card(tmp_path, "GPU-1", shared=False)
    assert freed is not None
    os.close(freed)
