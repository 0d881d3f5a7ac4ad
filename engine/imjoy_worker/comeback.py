"""The way back to an engine, for a plugin that outlives the one that started it.

The engine's welcome says in `outlast` how: `address_file`, where the next engine writes its address
(`unix:/path`), and `secret`, which stands for the ticket of the first time. Until that file names
an engine which says welcome, it is read again, at first often, then once a second; how long a
plugin may be without an engine is its keeper's affair.
"""

import socket
from typing import Any, Callable, Dict, List, Optional

from imjoy_wire import codec
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame

from . import greeting
from .link import Link

__all__ = ["outlast"]

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 1.0
WELCOME_TIMEOUT_S = 10.0


def outlast(link: Link, way: Dict[str, Any], on_welcome: Callable[[Dict[str, Any]], None]) -> None:
    """Have the link go on with the next engine, whose welcome is handed to `on_welcome` first."""
    path, secret = str(way["address_file"]), str(way["secret"])

    def come_back() -> Optional[List[Frame]]:
        wait_s = FIRST_WAIT_S
        while not link.wait_closed(wait_s):
            welcome = _welcome(link, path, secret)
            if welcome is not None:
                on_welcome(welcome)
                return link.go_on()
            wait_s = min(wait_s * 1.5, LONGEST_WAIT_S)
        return None

    link.outlast(come_back)


def _welcome(link: Link, path: str, secret: str) -> Optional[Dict[str, Any]]:
    """Return the welcome of the engine that the file names; None when there is none yet."""
    try:
        with open(path, encoding="utf-8") as file:
            address = file.read().strip()
        raw = greeting.connect(address)
    except (OSError, ValueError):
        return None
    link_socket = socket.socket(fileno=raw.detach())
    try:
        greeting.say_hello(link_socket, secret)
        link_socket.settimeout(WELCOME_TIMEOUT_S)
        link.take_over(link_socket)
        frame = link.read_frame()
        link_socket.settimeout(None)
        body = codec.unpack(frame.body, frame.buffers) if frame is not None else None
    except (OSError, ValueError, WireError):
        return None
    is_welcome = frame is not None and frame.kind == "welcome" and isinstance(body, dict)
    return body if is_welcome else None
