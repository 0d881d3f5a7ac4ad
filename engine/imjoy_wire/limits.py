"""Every limit of the wire, in one place, so that both ends can state them.

The ones of a body are the same in `web/link/codec.js`.
"""

from __future__ import annotations

__all__ = [
    "MAX_BODY_BYTES",
    "MAX_BUFFERS",
    "MAX_CONTAINERS",
    "MAX_DEPTH",
    "MAX_FRAME_BYTES",
    "MAX_HEADER_BYTES",
    "MAX_HEADER_CONTAINERS",
    "MAX_INT_DIGITS",
    "MAX_NAME_CHARS",
    "MAX_SAFE_INT",
    "MAX_TEXT_BODY_BYTES",
]

MAX_FRAME_BYTES = 2 * 1024**3
"""Body and buffers of one frame together, unless a decoder is told otherwise."""
MAX_HEADER_BYTES = 64 * 1024
MAX_HEADER_CONTAINERS = 64
"""Objects and arrays in a header, so that its depth never troubles a reader."""
MAX_BUFFERS = 4096
MAX_NAME_CHARS = 256
"""Characters of `to`, of `from` and of `kind` in a header."""
MAX_TEXT_BODY_BYTES = 64 * 1024
"""The longest body that a Socket.IO event carries as a string."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""UTF-8 bytes of one body, its buffers not counted."""
MAX_CONTAINERS = 8 * 1024 * 1024
"""Objects and arrays in one body: each takes 56 bytes or more in memory for two in the text."""
MAX_DEPTH = 100
"""Lists and dicts inside one another."""
MAX_INT_DIGITS = 4300
"""As many as Python itself is ready to turn into an integer and back."""
MAX_SAFE_INT = 2**53 - 1
"""The largest integer that every JSON reader reads exactly."""
