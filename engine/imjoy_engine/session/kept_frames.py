"""Frames as records, for whatever is kept on disk."""

from __future__ import annotations

import json
from typing import Any

from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

__all__ = ["frame_of", "is_message", "record_of"]


def is_message(frame: Frame) -> bool:
    """Return whether this is a message of a peer that is kept nowhere else, as results are.

    Of one that was cut its announcement is, and the pieces are not.
    """
    return frame.kind == "rpc" and RUN not in frame.extra


def record_of(frame: Frame) -> dict[str, Any]:
    """Return the frame as what msgpack can write; its header as the text that it travels as."""
    route = {"to": frame.to, "from": frame.sender, "kind": frame.kind}
    return {
        "header": json.dumps({**route, "extra": dict(frame.extra)}, separators=(",", ":")),
        "body": _plain(frame.body),
        "buffers": [_plain(buffer) for buffer in frame.buffers],
    }


def frame_of(record: dict[str, Any]) -> Frame:
    """Return the frame that a record was made of."""
    header = json.loads(record["header"])
    return Frame(
        header["to"],
        header["from"],
        header["kind"],
        record["body"],
        tuple(record["buffers"]),
        header["extra"],
    )


def _plain(buffer: Any) -> Any:
    return buffer if isinstance(buffer, bytes | bytearray) else bytes(buffer)
