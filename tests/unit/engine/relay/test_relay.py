from __future__ import annotations

import json
from typing import Any

from imjoy_engine.relay.relay import Relay
from imjoy_engine.relay.routes import Route, Routes
from imjoy_wire.frames import Frame


class Peer:
    """A sender that owns one peer and remembers its frames."""

    def __init__(self, peer_id: str, routes: Routes, workspace: str = "default") -> None:
        self.id = peer_id
        self.frames: list[Frame] = []
        routes.add(Route(peer_id, workspace, self.deliver))

    def owns(self, peer_id: str) -> bool:
        return peer_id == self.id

    def deliver(self, frame: Frame) -> None:
        self.frames.append(frame)

    def control(self) -> tuple[str, dict[str, Any]]:
        (frame,) = self.frames
        return frame.kind, json.loads(bytes(frame.body))


def rpc(sender: str, to: str, *buffers: bytes) -> Frame:
    return Frame(to=to, sender=sender, kind="rpc", body=b"\x00 opaque", buffers=buffers)


def test_a_frame_arrives_as_it_was_sent() -> None:
    routes = Routes()
    a, b = Peer("a", routes), Peer("b", routes)
    frame = rpc("a", "b", b"pixels")
    Relay(routes).forward(frame, a)
    assert b.frames == [frame]
    assert b.frames[0].buffers[0] is frame.buffers[0]
    assert a.frames == []


def test_an_unknown_receiver_is_told_to_the_sender() -> None:
    routes = Routes()
    a = Peer("a", routes)
    Relay(routes).forward(rpc("a", "nobody"), a)
    kind, payload = a.control()
    assert kind == "undeliverable"
    assert payload["to"] == "nobody"
    assert payload["code"] == "unknown-peer"
    assert "There is no peer 'nobody'" in payload["message"]


def test_a_peer_of_another_workspace_looks_like_none() -> None:
    routes = Routes()
    a, b = Peer("a", routes, "mine"), Peer("b", routes, "yours")
    Relay(routes).forward(rpc("a", "b"), a)
    assert b.frames == []
    assert a.control()[1]["code"] == "unknown-peer"


def test_nobody_speaks_in_anothers_name() -> None:
    routes = Routes()
    a, b = Peer("a", routes), Peer("b", routes)
    Relay(routes).forward(rpc("b", "b"), a)
    assert b.frames == []
    assert a.control()[1]["code"] == "not-your-peer"


def test_who_wrote_to_a_peer_hears_of_its_end_once() -> None:
    routes = Routes()
    a, b, c = Peer("a", routes), Peer("b", routes), Peer("c", routes)
    relay = Relay(routes)
    relay.forward(rpc("a", "c"), a)
    relay.forward(rpc("a", "c"), a)
    c.frames.clear()
    relay.drop("c", {"code": "plugin-exited", "message": "It ended."})
    assert a.control() == (
        "peer_gone",
        {"peer": "c", "reason": {"code": "plugin-exited", "message": "It ended."}},
    )
    assert b.frames == []
    assert routes.find("c") is None
    relay.drop("c", {})
    assert len(a.frames) == 1


def test_who_was_made_acquainted_with_a_peer_hears_of_its_end() -> None:
    routes = Routes()
    a, b, c = Peer("a", routes), Peer("b", routes), Peer("c", routes)
    relay = Relay(routes)
    relay.acquaint(each.id for each in (a, b))
    relay.drop("a", {"code": "plugin-exited"})
    assert a.frames == []
    assert b.control() == ("peer_gone", {"peer": "a", "reason": {"code": "plugin-exited"}})
    assert c.frames == []
