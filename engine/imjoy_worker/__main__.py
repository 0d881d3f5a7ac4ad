"""python -s -u worker.pyz --connect unix:/path: be the process of one plugin until told to leave.

The ticket, a right to connect once, is taken from the environment variable IMJOY_TICKET. The
process ends with 0 when it was told to leave, with 2 when it cannot begin, and by the signal if it
was one.
"""

from __future__ import annotations

import gc
import os
import sys

__all__ = ["main"]

TICKET_VARIABLE = "IMJOY_TICKET"
USAGE = "usage: python -s -u worker.pyz --connect unix:/path/of/socket"


def main() -> None:
    """Be a worker, and end the process."""
    sys.exit(run(sys.argv[1:], os.environ.pop(TICKET_VARIABLE, "")))


def run(arguments: list[str], ticket: str) -> int:
    """Return the exit code of a worker's life."""
    if len(arguments) != 2 or arguments[0] != "--connect":
        sys.stderr.write(USAGE + "\n")
        return 2
    if not ticket:
        sys.stderr.write(
            "A worker is started by an engine, which gives it a ticket in the environment variable "
            "{}; there is none.\n".format(TICKET_VARIABLE)
        )
        return 2
    # What this needs is little: the engine hears from us before the large imports begin.
    from . import greeting

    try:
        link_socket = greeting.connect(arguments[1])
        greeting.say_hello(link_socket, ticket)
    except (OSError, ValueError) as error:
        sys.stderr.write("No connection to the engine at {}: {}\n".format(arguments[1], error))
        return 2
    # Many objects are made now and kept: nothing would be found by looking through them meanwhile.
    gc.disable()
    from . import later

    later.postpone()
    from . import life

    _leave_no_trace()
    return life.live(link_socket)


def _leave_no_trace() -> None:
    """Let the plugin's code find its own modules and not ours, which are all known by now."""
    from importlib.machinery import ModuleSpec

    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != own]
    # Like a script that is run in its folder, wherever it changes to.
    sys.path.insert(0, "")
    sys.argv[:] = [""]
    # Like a folder that is run: the processes that multiprocessing starts run nothing of it.
    sys.modules["__main__"].__spec__ = ModuleSpec("__main__", None)


if __name__ == "__main__":
    main()
