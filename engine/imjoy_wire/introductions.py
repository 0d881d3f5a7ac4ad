"""How two peers come to know each other: greetings, and the interfaces that they set."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

from . import messages
from .errors import DialectError
from .messages import Message
from .passage import Keeper, Passage
from .states import Event, Remote, after
from .values import decode, encode

__all__ = ["Introductions"]

Send = Callable[[str, Message], None]


class Introductions:
    """Answers greetings, sends our interface to who wants it, and reads those of others."""

    def __init__(self, keeper: Keeper, config: Dict[str, Any], root: str, send: Send) -> None:
        self._keeper = keeper
        self._config = config
        self._root = root
        self._send = send
        self._exported: Optional[Tuple[Any, Passage]] = None

    @property
    def has_interface(self) -> bool:
        """Whether anything has been exported."""
        return self._exported is not None

    def export(self, api: Any) -> None:
        """Let this be our interface. Raises UnsupportedValueError."""
        passage = Passage(self._keeper, "", root=self._root)
        self._exported = (encode(api, passage, as_interface=True), passage)

    def send_interface(self, to: str) -> None:
        """Send our interface if there is one."""
        if self._exported is not None:
            tree, passage = self._exported
            passage.commit(to, lasting=True)
            # Others may have been handed it who have not called it yet: it stays when `to` leaves.
            self._keeper.store.hold(self._root, self._keeper.peer_id)
            self._send(to, messages.simple("setInterface", api=tree))

    def initialize(self, sender: str, remote: Remote, message: Message) -> None:
        """Say that we are ready to a peer that has told its configuration."""
        self.initialized(sender, remote, message)
        reply = messages.simple(
            "initialized", config=dict(self._config), peer_id=self._keeper.peer_id
        )
        self._send(sender, reply)

    def initialized(self, _sender: str, remote: Remote, message: Message) -> None:
        """Take note of a peer's configuration."""
        remote.phase = after(remote.phase, Event.INITIALIZED)
        remote.config = messages.configuration(message)

    def get_interface(self, sender: str, remote: Remote, _message: Message) -> None:
        """Send our interface, now or when there is one."""
        remote.wants_interface = True
        self.send_interface(sender)

    def set_interface(self, sender: str, remote: Remote, message: Message) -> None:
        """Take note of a peer's interface, and say so. Raises DialectError."""
        api = decode(message.get("api"), Passage(self._keeper, sender))
        if not isinstance(api, dict):
            raise DialectError("an interface that is not a table of functions")
        remote.interface = api
        remote.phase = after(remote.phase, Event.INTERFACE)
        self._send(sender, messages.simple("interfaceSetAsRemote"))
