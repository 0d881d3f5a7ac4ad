"""The first words to the engine, said before anything large is imported.

The frame of kind `hello` never changes, so that it can be written here by hand: its layout is that
of `imjoy_wire.frames`, which reads everything that comes after. `_socket` is what `socket` is made
of, in PyPy too; that one takes another 5 ms to import, which are better spent later.
"""

from __future__ import annotations

import _socket
import os
import sys

__all__ = ["connect", "say_hello"]

PROTOCOL = 1


def connect(address: str) -> _socket.socket:
    """Return a socket connected to `unix:/path`. Raises ValueError or OSError."""
    kind, _, path = address.partition(":")
    if kind != "unix" or not path:
        raise ValueError("that is not an address like unix:/path")
    link_socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    link_socket.connect(path)
    return link_socket


def say_hello(link_socket: _socket.socket, ticket: str) -> None:
    """Send the hello frame. Raises OSError, or ValueError for a ticket that is none."""
    if not ticket.replace("-", "").replace("_", "").isalnum() or not ticket.isascii():
        raise ValueError("the ticket holds characters that no ticket has")
    version = ".".join(str(part) for part in sys.version_info[:3])
    body = '{"ticket":"%s","protocol":%d,"python":"%s","pid":%d}' % (
        ticket,
        PROTOCOL,
        version,
        os.getpid(),
    )
    header = '{"to":"","from":"","kind":"hello","sizes":[%d]}' % len(body)
    prefix = b"IJ\x01\x00" + len(header).to_bytes(4, "big")
    link_socket.sendall(prefix + header.encode("ascii") + body.encode("ascii"))
