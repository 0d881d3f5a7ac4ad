"""One client's session: its plugins, its peers, and what waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from imjoy_engine.errors import BadRequestError, NotFoundError
from imjoy_engine.ids import new_id
from imjoy_engine.plugins import PluginInstance, PluginManifest, State
from imjoy_engine.plugins.pool import check_room
from imjoy_engine.relay.routes import Room, Route
from imjoy_engine.session.attaching import running_plugin
from imjoy_engine.session.attendance import Attendance
from imjoy_engine.session.links import ClientLink, event_frame
from imjoy_engine.session.outbox import Outbox
from imjoy_engine.session.outgoing import Outgoing
from imjoy_engine.session.tools import Attachment, SessionTools
from imjoy_wire.chunks import CHUNK, Assembler
from imjoy_wire.delivery import ACK, Incoming, ack_number
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

__all__ = ["Session"]

_LOG = logging.getLogger(__name__)
_ACK_DELAY_S = 0.05
_LEFT = {"code": "client-left", "message": "The client has left."}


class Session:
    """What one registered client may see and do."""

    def __init__(
        self,
        client_id: str,
        workspace: str,
        tools: SessionTools,
        attendance: Attendance,
        *,
        numbered: bool = False,
    ) -> None:
        self.id = new_id("s")
        self.client_id = client_id
        self.workspace = workspace
        self.numbered = numbered
        self.link: ClientLink | None = None
        self._channel: ClientLink | None = None
        self._tools = tools
        self._attendance = attendance
        self._attachments: dict[str, Attachment] = {}
        self._crashed: dict[str, Attachment] = {}
        """What this client used of plugins that are being started again."""
        self._inherited: dict[str, list[str]] = {}
        self._incoming = Incoming() if numbered else None
        self._assembler = None if numbered else Assembler(tools.limits.max_message_bytes)
        self._grants: set[asyncio.Task[None]] = set()
        self._ack_timer: asyncio.TimerHandle | None = None
        self._outgoing = Outgoing(
            numbered=numbered,
            high_water_bytes=tools.limits.link_high_water_bytes,
            low_water_bytes=tools.limits.link_low_water_bytes,
            on_full=self._hold_plugin,
            on_room=self._release_plugin,
        )
        if tools.outbox_dir is not None:
            path = tools.outbox_dir / f"{self.id}.records"
            room = self._outgoing.relieve
            self._outgoing.outbox = Outbox(path, tools.limits.outbox_bytes, room)

    @property
    def is_connected(self) -> bool:
        """Return whether the client is there now."""
        return self.link is not None or self._channel is not None

    @property
    def messages(self) -> int:
        """Return how many messages of its plugins wait for the client: lost if it ends now."""
        return self._outgoing.messages

    # ── the link ─────────────────────────────────────────────────────────────────────────────

    def connect(self, link: ClientLink) -> None:
        """Send over `link` from now on, first what waited."""
        self.link = link
        if self._channel is None:
            self._outgoing.connect(link)

    def disconnect(self) -> None:
        """Keep what comes for the client until it is back."""
        self.link = None
        if self._channel is None:
            self._outgoing.disconnect()

    def open_channel(self, channel: ClientLink) -> None:
        """Send frames over `channel` from now on, first what the client has not acknowledged."""
        self._channel = channel
        self._outgoing.connect(channel)

    def close_channel(self, channel: ClientLink) -> None:
        """Go on over the link, unless another channel has taken over."""
        if self._channel is not channel:
            return
        self._channel = None
        if self.link is not None:
            self._outgoing.connect(self.link)
        else:
            self._outgoing.disconnect()

    async def flushed(self) -> None:
        """Return when the client has been sent all that waits; at once when it is away."""
        await self._outgoing.flushed()

    # ── frames ───────────────────────────────────────────────────────────────────────────────

    def owns(self, peer_id: str) -> bool:
        """Return whether `peer_id` is one of this client's ends."""
        return any(peer_id == entry.client_peer for entry in self._attachments.values())

    def deliver(self, frame: Frame) -> None:
        """Queue a frame for the client; for one that knows no chunks, whole frames only."""
        if self._assembler is None:
            self._outgoing.put(frame)
            return
        for whole in self._assembler.feed(frame):
            self._outgoing.put(whole)

    async def receive(self, frame: Frame) -> None:
        """Forward a frame of the client; return when its receiver has room for more.

        Raises FrameError when the numbers of a numbered session are wrong.
        """
        if self._incoming is not None:
            if frame.kind == ACK:
                self._outgoing.acknowledged(ack_number(frame))
                return
            taken = self._incoming.take(frame)
            self._acknowledge(self._incoming)
            if taken is None:
                return
            frame = taken
        if RUN in frame.extra:
            self._begin_run(frame)
        room = self._tools.relay.forward(frame, self)
        if frame.kind == CHUNK and self._incoming is not None:
            self._grant(frame, room)
        elif room is not None:
            await room.drained()

    def _begin_run(self, frame: Frame) -> None:
        for entry in self._attachments.values():
            if (entry.instance.peer_id, entry.client_peer) == (frame.to, frame.sender):
                self._tools.runs.asked(frame, entry.instance)

    def tell(self, name: str, payload: dict[str, Any], *, last_of: str = "") -> None:
        """Tell the client of something that is about no plugin of its own."""
        self._outgoing.put(event_frame(name, payload), last_of)

    def _grant(self, chunk: Frame, room: Room | None) -> None:
        """Tell the client that it may send as much again; later, when its receiver is slow.

        So a receiver that reads slowly holds its own lane, and the others go on.
        """
        if room is None:
            self._outgoing.put_grant(chunk.sender, chunk.to, chunk.payload_bytes)
            return

        async def later() -> None:
            await room.drained()
            self._outgoing.put_grant(chunk.sender, chunk.to, chunk.payload_bytes)

        task = asyncio.get_running_loop().create_task(later())
        self._grants.add(task)
        task.add_done_callback(self._grants.discard)

    def _acknowledge(self, incoming: Incoming) -> None:
        """Say what has come: soon, or now when it is much."""
        if incoming.should_ack:
            self._send_ack()
        elif self._ack_timer is None:
            loop = asyncio.get_running_loop()
            self._ack_timer = loop.call_later(_ACK_DELAY_S, self._send_ack)

    def _send_ack(self) -> None:
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None
        if self._incoming is not None and self._incoming.owes_ack:
            self._outgoing.put_ack(self._incoming.ack())

    # ── plugins ──────────────────────────────────────────────────────────────────────────────

    def init_plugin(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Start a plugin, or attach to the running one it shares; tell the rest by events."""
        plugin_id = _required_text(payload, "id")
        if plugin_id in self._attachments:
            raise BadRequestError(
                f"The plugin id {plugin_id!r} is in use.",
                hint="Stop that plugin first, or give the new one another id.",
            )
        check_room(len(self._attachments), self._tools.limits.max_plugins_per_session)
        instance = running_plugin(payload, self.workspace, self._tools.pool, self._attendance)
        resumed = instance is not None
        attended = instance is not None and self._attendance.is_attended(instance)
        begin = None
        if instance is None:
            instance, begin = self._tools.pool.start(
                PluginManifest.from_config(payload.get("config")),
                workspace=self.workspace,
                work_dir=self._tools.workspace_root / self.workspace,
            )
            self._tools.routes.add(
                Route(instance.peer_id, self.workspace, instance.deliver, lambda: instance.channel)
            )
        attachment = Attachment(plugin_id, instance, new_id("b"))
        self._attachments[plugin_id] = attachment
        for earlier in [key for key, old in self._crashed.items() if old.instance is instance]:
            del self._crashed[earlier]
        self._attendance.joined(instance, self)
        self._tools.routes.add(Route(attachment.client_peer, self.workspace, self.deliver))
        if payload.get("asks"):
            instance.askers.add(attachment.client_peer)
        instance.join(attachment.client_peer, replaces=self._inherited.pop(instance.id, []))
        if begin is not None:
            instance.choices = payload.get("environment")
            begin()
        elif not instance.lifecycle.is_final:
            self.plugin_event(instance, {"event": "state", "state": instance.state.value})
            for question in instance.question.open():
                self.plugin_event(instance, {"event": "consent", **question})
        return {
            "id": plugin_id,
            "instance": instance.id,
            "peer_id": instance.peer_id,
            "client_peer": attachment.client_peer,
            "work_dir": str(instance.work_dir),
            "initialized": resumed,
            "resumed": resumed,
            "attended": attended,
            "state": instance.state.value,
        }

    async def kill_plugin(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """End the plugin, or only leave it while another client that is there uses it.

        Return how it ended, if it did.
        """
        plugin_id = _required_text(payload, "id")
        attachment = self._attachments.get(plugin_id) or self._crashed.get(plugin_id)
        if attachment is None:
            return {"report": None}
        instance = attachment.instance
        if not self._attendance.others_there(instance, self):
            await self._tools.pool.stop(instance)
        self._forget(plugin_id, _LEFT)
        return {"report": instance.exit}

    def answer_consent(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Say whether a plugin of this client may run the commands that it asked about."""
        attachment = self._attachments.get(_required_text(payload, "id"))
        question = _required_text(payload, "question")
        allow = payload.get("allow")
        if not isinstance(allow, bool):
            raise BadRequestError('The answer has no "allow".', hint="Send true or false.")
        if attachment is None or not attachment.instance.question.answer(question, allow=allow):
            raise NotFoundError(
                "Nobody waits for that answer any more.",
                hint="Start the plugin again to be asked once more.",
            )
        return {}

    async def kill_plugin_process(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """End one plugin of this workspace by its pid, or all of them."""
        instances = self._tools.pool.instances(self.workspace)
        if not payload.get("all"):
            pid = payload.get("pid")
            instances = [entry for entry in instances if pid is not None and entry.pid == pid]
            if not instances:
                raise NotFoundError(
                    f"No plugin of this workspace runs as process {pid!r}.",
                    hint="The status lists the processes that can be ended.",
                )
        await asyncio.gather(*(self._tools.pool.stop(instance) for instance in instances))
        return {"stopped": len(instances)}

    async def reset_engine(self) -> dict[str, Any]:
        """End every plugin of this workspace."""
        return await self.kill_plugin_process({"all": True})

    def status(self) -> list[dict[str, Any]]:
        """Return the plugins of this workspace that run."""
        own = {entry.instance.id: entry.plugin_id for entry in self._attachments.values()}
        return [
            {
                "name": instance.manifest.name,
                "tag": instance.manifest.tag,
                "flags": sorted(instance.manifest.flags),
                "pid": instance.pid,
                "id": own.get(instance.id),
                "instance": instance.id,
                "state": instance.state.value,
                "clients": self._attendance.users(instance),
                "attended": self._attendance.is_attended(instance),
            }
            for instance in self._tools.pool.instances(self.workspace)
        ]

    def plugin_event(self, instance: PluginInstance, event: Mapping[str, Any]) -> None:
        """Tell the client of an event of a plugin that it uses; nothing of others.

        When too much waits for a client that is away, lines of the log are left out: the engine
        has them in its file.
        """
        kind = event["event"]
        if kind == "log" and self._outgoing.is_full and not self.is_connected:
            return
        for entry in (*self._attachments.values(), *self._crashed.values()):
            if entry.instance is instance:
                payload = {"id": entry.plugin_id, "instance": instance.id, **event}
                event_of = event_frame(
                    "plugin_event", payload, sender=instance.peer_id, to=entry.client_peer
                )
                last_of = f"progress {entry.client_peer}" if kind == "progress" else ""
                self._outgoing.put(event_of, last_of)
                if kind != "state":
                    continue
                if instance.state is State.BACKOFF:
                    # Its ends are of no use to the new process; it hears of that all the same.
                    self._crashed[entry.plugin_id] = entry
                    self._forget(entry.plugin_id, _LEFT)
                elif instance.lifecycle.is_final:
                    self._crashed.pop(entry.plugin_id, None)
                    self._forget(entry.plugin_id, _LEFT)

    def inherit(self, earlier: Session) -> None:
        """Take the place of a session whose client was replaced by this one: a page loaded anew.

        Its plugins wait for this client to attach, each for its grace period, and are told then
        whose place it takes.
        """
        for entry in earlier._attachments.values():
            self._inherited.setdefault(entry.instance.id, []).append(entry.client_peer)
        for instance_id, peers in earlier._inherited.items():
            self._inherited.setdefault(instance_id, []).extend(peers)
        reason = {"code": "page-replaced", "message": "The page was closed or loaded anew."}
        earlier.leave(reason, grace=True)

    def leave(self, reason: dict[str, Any], *, grace: bool) -> None:
        """Leave every plugin; those that nobody else uses end by the rules of `Attendance`."""
        self.link = self._channel = None
        self._outgoing.disconnect()
        if self._ack_timer is not None:
            self._ack_timer.cancel()
        for grant in self._grants:
            grant.cancel()
        for plugin_id in list(self._attachments):
            self._forget(plugin_id, reason, grace=grace)
        self._crashed.clear()
        self._outgoing.clear()

    async def discard(self) -> None:
        """Leave nothing on disk."""
        if self._outgoing.outbox is not None:
            await self._outgoing.outbox.clear()

    def _forget(self, plugin_id: str, reason: dict[str, Any], *, grace: bool = True) -> None:
        attachment = self._attachments.pop(plugin_id, None)
        if attachment is None:
            return
        self._tools.relay.drop(attachment.client_peer, reason)
        attachment.instance.leave(attachment.client_peer, reason)
        self._attendance.left(attachment.instance, self, grace=grace)
        if attachment.instance.channel is not None:
            attachment.instance.channel.resume_reading(self)
        if self._assembler is not None:
            self._assembler.forget(attachment.instance.peer_id)

    def _hold_plugin(self, peer_id: str) -> None:
        for entry in self._attachments.values():
            if entry.instance.peer_id == peer_id and entry.instance.channel is not None:
                entry.instance.channel.pause_reading(self)

    def _release_plugin(self, peer_id: str) -> None:
        for entry in self._attachments.values():
            if entry.instance.peer_id == peer_id and entry.instance.channel is not None:
                entry.instance.channel.resume_reading(self)


def _required_text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        raise BadRequestError(
            f'The request has no "{key}", or it is not text.', hint=f'Send "{key}" as a string.'
        )
    return value
