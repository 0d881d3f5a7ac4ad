from __future__ import annotations

import asyncio
import os
import sys

from imjoy_engine.processes import identity_of
from support.pids import ended


def test_a_process_has_one_identity_that_names_its_number():
    identity = identity_of(os.getpid())
    assert identity == identity_of(os.getpid())
    assert identity is not None
    assert identity.split()[-2] == str(os.getpid())
    assert identity != identity_of(os.getppid())


async def test_who_has_ended_has_none_even_before_somebody_waited():
    process = await asyncio.create_subprocess_exec(sys.executable, "-I", "-S", "-c", "")
    await ended(process.pid)
    assert await asyncio.to_thread(identity_of, process.pid) is None
    await process.wait()
