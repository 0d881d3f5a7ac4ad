"""A disk without room, without mounting one: for a thread, and for every process it starts.

The kernel itself refuses large writes with ENOSPC, by a filter of system calls (seccomp), which any
user may put on a thread of his own. What is written is small at most: a line of a log, an order.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import platform
import struct
from concurrent.futures import ThreadPoolExecutor

__all__ = ["fill_the_disk"]

_ROOM_BYTES = 4096
# write and pwrite64; sendfile, fallocate and copy_file_range, which are for files only here.
_SIZED = {"x86_64": (1, 18), "aarch64": (64, 68)}
_WHOLE = {"x86_64": (40, 285, 326), "aarch64": (71, 47, 285)}

_NUMBER_AT, _COUNT_AT = 0, 32
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSPC
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2


def fill_the_disk() -> None:
    """Have the running loop's threads meet a full disk from now on, and all that they start."""
    executor = ThreadPoolExecutor(initializer=_meet_a_full_disk)
    asyncio.get_running_loop().set_default_executor(executor)


def _program() -> bytes:
    """Return the filter: a jump says how many instructions it leaves out, if so and if not."""
    sized, whole = _SIZED[platform.machine()], _WHOLE[platform.machine()]
    calls = [*sized, *whole]
    steps = [(_LOAD, 0, 0, _NUMBER_AT)]
    for place, call in enumerate(calls):
        left = len(calls) - 1 - place
        # Behind them: let it pass, look at its size, let it pass, refuse it.
        target = left + (1 if call in sized else 4)
        steps.append((_IF_EQUAL, target, 0, call))
    steps += [
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _COUNT_AT),
        (_IF_AT_LEAST, 1, 0, _ROOM_BYTES),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _meet_a_full_disk() -> None:
    program = _program()
    held = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    for request in ((_PR_SET_NO_NEW_PRIVS, 1, None), (_PR_SET_SECCOMP, _FILTER, described)):
        if libc.prctl(*request, None, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
