"""Everything that reads bytes of a peer, as functions of bytes: each returns, or there is a bug.

Errors of the wire are what these bytes deserve; any other exception is a finding, and so is
whatever `seen` reports: nothing that a peer sends has anything imported, executed or opened.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np

from imjoy_wire import codec
from imjoy_wire.chunks import Assembler
from imjoy_wire.errors import WireError
from imjoy_wire.events import from_event
from imjoy_wire.frames import Frame, FrameDecoder, decode_frames, encode_frame
from support.rpc import MemoryHost, Network
from support.vectors import load

MAX_FRAME_BYTES = 1 << 20
DANGEROUS = (
    *("import", "exec", "compile", "pickle.find_class", "marshal.loads", "code.__new__"),
    *("open", "os.", "shutil.", "subprocess.", "socket.", "ctypes.", "mmap.", "urllib.", "sys.set"),
)
"""The beginnings of the interpreter's own names for what no peer may bring about."""


def stream(data: bytes) -> None:
    """A byte stream, in pieces whose size the first byte tells."""
    if not data:
        return
    decoder = FrameDecoder(max_frame_bytes=MAX_FRAME_BYTES)
    step = 1 + data[0]
    with contextlib.suppress(WireError):
        for start in range(1, len(data), step):
            for frame in decoder.feed(data[start : start + step]):
                assert frame.payload_bytes <= MAX_FRAME_BYTES
                encode_frame(frame)


def messages(data: bytes) -> None:
    """One message of a link that keeps messages apart, and the pieces of frames in it."""
    assembler = Assembler(MAX_FRAME_BYTES)
    with contextlib.suppress(WireError):
        for frame in decode_frames(data, MAX_FRAME_BYTES):
            for whole in assembler.feed(frame):
                assert whole.payload_bytes <= MAX_FRAME_BYTES


def event(data: bytes) -> None:
    """The arguments of a Socket.IO event: whatever JSON can say, and bytes."""
    head, _, rest = data.partition(b"\0")
    with contextlib.suppress(WireError):
        header = codec.unpack(head)
        body: Any = rest.decode("utf-8", "replace") if len(rest) % 2 else rest
        from_event((header, body, rest))


def body(data: bytes) -> None:
    """A body and its buffers; what can be read can be written and read again."""
    text, _, rest = data.partition(b"\0")
    buffers = rest.split(b"\0") if rest else []
    with contextlib.suppress(WireError):
        tree = codec.unpack(text, buffers)
        again, more = codec.pack(tree)
        codec.unpack(again, more)


def message(data: bytes) -> None:
    """A message to a peer that has functions to call, calls under way, and proxies of others."""
    text, _, rest = data.partition(b"\0")
    with contextlib.suppress(WireError):
        tree = codec.unpack(text, rest.split(b"\0") if rest else [])
        peer = _peer()
        peer.receive("other", tree)
        assert len(peer.store) < 50


class _Host(MemoryHost):
    """Runs what it is told to at once, and sends into the void."""

    def send(self, to: str, message: dict[str, Any]) -> None:
        codec.pack(message)


def _peer() -> Any:
    network = Network()
    peer = network.add("own")
    host = _Host(network, "own")
    peer._host = host
    peer.export({"echo": lambda *values, **named: values, "fail": lambda: 1 / 0})
    peer.receive("other", {"type": "getInterface"})
    peer.receive("other", {"type": "setInterface", "api": {"f": _method("f"), "_rintf": "o"}})
    peer.remotes["other"].interface.f(print)
    return peer


def _method(name: str) -> dict[str, Any]:
    return {"_rtype": "interface", "_rtarget_id": "other", "_rintf": "o", "_rvalue": name}


TARGETS: dict[str, Callable[[bytes], None]] = {
    "stream": stream,
    "messages": messages,
    "event": event,
    "body": body,
    "message": message,
}


def seeds(name: str) -> list[bytes]:
    """Return inputs that lead a fuzzer into a target: the golden vectors in its own form."""
    frames = load("frames")
    whole = [bytes.fromhex(case["frame"]) for case in frames["both"] + frames["refused"]]
    if name == "stream":
        return [bytes([7]) + data for data in whole]
    if name == "messages":
        return whole + _cut_frames()
    bodies = [_joined(case["body"], case["buffers"]) for case in load("codec")["both"]]
    values = load("values")
    trees = [
        _joined(case["body"], case["buffers"])
        for case in values["from_python"] + values["from_javascript"]
    ]
    if name == "event":
        return [b'{"to":"a","from":"b","kind":"rpc"}\0' + data for data in bodies[:20]]
    if name == "body":
        return bodies + trees
    return _calls(trees)


def _joined(text: str, buffers: list[str]) -> bytes:
    return b"\0".join([text.encode("utf-8", "replace"), *map(bytes.fromhex, buffers)])


def _cut_frames() -> list[bytes]:
    cut = Frame("a", "b", "rpc", b"", (), {"cut": {"id": 1, "sizes": [2, 3]}})
    piece = Frame("a", "b", "chunk", b"", (b"12345",), {"cut": 1})
    return [b"".join(bytes(part) for frame in (cut, piece) for part in encode_frame(frame))]


def _calls(trees: list[bytes]) -> list[bytes]:
    promise = (
        b'[{"_rtype":"callback","_rtarget_id":"other","_rvalue":"a"},'
        b'{"_rtype":"callback","_rtarget_id":"other","_rvalue":"b"}]'
    )
    call = (
        b'{"type":"method","object_id":"interface","name":"echo","target_id":"own",'
        b'"with_kwargs":false,"released":[],"promise":' + promise + b',"args":[%s]}'
    )
    answer = b'{"type":"callback","id":"p0:resolve","args":[%s],"with_kwargs":false}'
    made = []
    for tree in trees:
        text, separator, rest = tree.partition(b"\0")
        made += [form.replace(b"%s", text) + separator + rest for form in (call, answer)]
    others = [
        b'{"type":"%s","api":{},"config":{},"object_id":"x","released":["f0"],"error":"e"}'
        % kind.encode()
        for kind in (*_peer()._handlers, "released", "executed", "log", "error")
    ]
    return made + others


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """Fail when something in the block has anything imported, executed or opened."""
    _watch()
    _SEEN.clear()
    _WATCHED.add(threading.get_ident())
    try:
        yield
    finally:
        _WATCHED.clear()
    assert _SEEN == [], _SEEN


_SEEN: list[str] = []
_WATCHED: set[int] = set()
_HOOKS: list[Any] = []


def _watch() -> None:
    """Have the interpreter report what it does; once, since a hook stays."""
    if _HOOKS:
        return

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if not _WATCHED or threading.get_ident() not in _WATCHED:
            return
        if name.startswith(DANGEROUS) and not _is_a_traceback(sys._getframe()):
            _SEEN.append(f"{name} {arguments!r}"[:200])

    _HOOKS.append(hook)
    sys.addaudithook(hook)
    np.zeros(1)  # what numpy imports when it is first used


def _is_a_traceback(frame: FrameType | None) -> bool:
    """Tell whether Python reads our own source, to show it in a traceback."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "traceback":
            return True
        frame = frame.f_back
    return False
