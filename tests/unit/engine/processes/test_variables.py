from __future__ import annotations

from imjoy_engine.processes import scrubbed


def test_what_belongs_to_another_interpreter_goes():
    foreign = {
        "PYTHONPATH": "/x",
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRTUAL_ENV": "/x",
        "VIRTUAL_ENV_PROMPT": "x",
        "CONDA_PREFIX": "/x",
        "IMJOY_TOKEN": "secret",
    }
    own = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "0"}

    assert scrubbed({**foreign, **own}) == own
