"""Standard streams for any plugin: lines appear at once, and nothing is unprintable."""

import faulthandler
import os
import sys

__all__ = ["flush", "let_libraries_print_by_the_line", "prepare"]

_LINE_BUFFERED = 1
"""C's _IOLBF, on Linux and macOS."""


def prepare() -> None:
    """Make stdin empty, and stdout and stderr UTF-8 by the line; a crash prints where it was."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        # A line is one write, so that those of several threads do not mix.
        stream.reconfigure(  # type: ignore[union-attr]  # these are the interpreter's own
            encoding="utf-8", errors="backslashreplace", line_buffering=True, write_through=False
        )
    try:
        faulthandler.enable()
    except (ValueError, OSError):  # stderr is no file: then a crash stays silent
        pass


def let_libraries_print_by_the_line() -> None:
    """Have what C libraries print with stdio appear at once, though it goes into a pipe."""
    try:
        import ctypes

        own = ctypes.CDLL(None)
        stdout = ctypes.c_void_p.in_dll(own, "__stdoutp" if sys.platform == "darwin" else "stdout")
        own.setvbuf(stdout, None, _LINE_BUFFERED, ctypes.c_size_t(0))
    except (ImportError, OSError, ValueError, AttributeError):  # a C library of another kind
        pass


def flush() -> None:
    """Show what has been printed without an end of line."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # closed by the plugin, or nobody reads
        pass
