"""Objects that are forgotten on request, and ids that are let go of by the way."""

from __future__ import annotations

from typing import Any, Callable

from . import messages
from .messages import Message
from .objects import ObjectStore
from .proxies import HeldObjects, Releases, RemoteFunction
from .states import Remote
from .waiting import Waiting

try:
    from typing import Protocol
except ImportError:  # Python 3.7, which is not promised but costs nothing
    Protocol = object  # type: ignore[assignment]

__all__ = ["Disposals", "Disposer"]


class Disposer(Protocol):
    """The peer as its disposals see it."""

    peer_id: str
    store: ObjectStore
    releases: Releases
    held_objects: HeldObjects

    def joined(self, peer_id: str) -> Remote:
        """Return what is known of a peer that is there."""
        ...

    def expect(self, sender: str, kind: str, label: str) -> Any:
        """Return what waits for the next message of this type from that peer."""
        ...


class Disposals:
    """Asks others to forget objects of theirs, and forgets ours when others ask."""

    def __init__(
        self, peer: Disposer, waiting: Waiting, send: Callable[[str, Message], None]
    ) -> None:
        self._peer = peer
        self._waiting = waiting
        self._send = send

    def ask(self, value: Any) -> Any:
        """Return what waits for another peer to have forgotten an object of its own.

        Raises ValueError for a value that is no remote object.
        """
        peer = self._peer
        held = value.held if isinstance(value, RemoteFunction) else peer.held_objects.find(value)
        if held is None or not isinstance(held.object_id, str):
            raise ValueError("this is not an object of another plugin")
        done = peer.expect(held.owner, f"disposed {held.object_id}", "dispose_object")
        peer.joined(held.owner).disposing.append(held.object_id)
        self._send(held.owner, messages.dispose_object(held.owner, held.object_id))
        return done

    def asked(self, sender: str, _remote: Remote, message: Message) -> None:
        """Forget an object of ours, and say so."""
        object_id = str(message.get("object_id"))
        error = None
        if not self._peer.store.dispose(object_id):
            error = f"Object (id={object_id}) not found."
        self._send(sender, messages.disposed(object_id, error))

    def answered(self, sender: str, remote: Remote, message: Message) -> None:
        """Tell whoever has asked; an original end does not say what it has forgotten."""
        object_id = message.get("object_id")
        try:
            if object_id is None:
                object_id = remote.disposing.popleft()
            else:
                remote.disposing.remove(object_id)
        except (IndexError, ValueError):
            return
        self._waiting.settle_request(sender, f"disposed {object_id}", None, message.get("error"))

    def tell_of_ours(self) -> None:
        """Let go of what was ours from the start, and has come home and been forgotten."""
        peer = self._peer
        own = peer.releases.take(peer.peer_id)
        if own:
            peer.store.release(own, peer.peer_id)

    def tell(self, to: str) -> None:
        """Send the releases that have not gone along, to an end that understands them."""
        ids = self._peer.releases.take(to)
        if ids:
            self._send(to, {"type": "released", "released": ids})
