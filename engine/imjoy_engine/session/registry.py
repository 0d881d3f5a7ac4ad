"""All sessions: who registers, who comes back, who is given up."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from imjoy_engine.clock import Clock
from imjoy_engine.config import DEFAULT_WORKSPACE
from imjoy_engine.errors import BadRequestError
from imjoy_engine.ids import new_id
from imjoy_engine.plugins import PluginInstance, State
from imjoy_engine.relay.routes import Room, Route
from imjoy_engine.session.attendance import Attendance
from imjoy_engine.session.links import ClientLink
from imjoy_engine.session.runs import Run
from imjoy_engine.session.session import Session
from imjoy_engine.session.tools import SessionTools
from imjoy_engine.transport import Channel
from imjoy_wire.errors import WireError
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

__all__ = ["SessionRegistry"]

_LOG = logging.getLogger(__name__)
_GONE = {"code": "client-left", "message": "The client has left and did not come back."}
_WORKSPACE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")


class SessionRegistry:
    """The sessions of one engine by id."""

    def __init__(self, tools: SessionTools, clock: Clock) -> None:
        self._tools = tools
        self._clock = clock
        self._attendance = Attendance(tools.pool, clock, tools.limits.session_grace_s)
        self._sessions: dict[str, Session] = {}
        self._expiring: dict[str, asyncio.Task[None]] = {}
        self._holding: set[asyncio.Task[None]] = set()
        self._discarding: set[asyncio.Task[None]] = set()
        tools.runs.on_change = self._run_changed

    def register(self, payload: Mapping[str, Any], link: ClientLink) -> Session:
        """Return the client's session: the one it had when the same page is back, else a new one.

        A client that brings a session's id under another client id is a page that was loaded
        anew: the ends of the old page are gone, its plugins wait for the new one to attach.
        """
        client_id = str(payload.get("id") or new_id("c"))
        workspace = _workspace(payload.get("workspace"))
        wanted = payload.get("session_id")
        known = self._sessions.get(wanted) if isinstance(wanted, str) else None
        if known is not None and (known.client_id, known.workspace) == (client_id, workspace):
            session = known
        else:
            numbered = payload.get("delivery") == 1
            session = Session(
                client_id, workspace, self._tools, self._attendance, numbered=numbered
            )
            self._sessions[session.id] = session
            if known is not None:
                session.inherit(known)
                self._forget(known)
        if (expiry := self._expiring.pop(session.id, None)) is not None:
            expiry.cancel()
        session.connect(link)
        return session

    def disconnected(self, session: Session, link: ClientLink) -> None:
        """Keep the session for the grace period, unless another link has taken over."""
        if session.link is not link:
            return
        session.disconnect()
        loop = asyncio.get_running_loop()
        self._expiring[session.id] = loop.create_task(self._expire(session))

    def leave(self, session: Session, *, grace: bool = False) -> None:
        """End a session whose client goes for good; `grace` says what its plugins still have."""
        session.leave(_GONE, grace=grace)
        self._forget(session)

    def plugin_event(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        """Tell every session that uses the plugin; take its peer off the table at its end."""
        if event["event"] == "state":
            self._reroute(instance)
        for session in list(self._sessions.values()):
            if session.workspace == instance.workspace:
                session.plugin_event(instance, event)

    def _reroute(self, instance: PluginInstance) -> None:
        """Have the plugin's peer on the table while it has a process, and only then."""
        if instance.lifecycle.is_final or instance.state is State.BACKOFF:
            # Before anything else, while the peers that must hear of it are still on the table.
            self._tools.relay.drop(instance.peer_id, instance.gone_reason())
            self._tools.runs.instance_ended(instance)
            if instance.lifecycle.is_final:
                self._attendance.ended(instance)
        elif self._tools.routes.find(instance.peer_id) is None:
            self._tools.routes.add(_route_to(instance))

    def plugin_frame(self, instance: PluginInstance, frame: Frame) -> Room | None:
        """Forward a frame of a worker, which waits while another worker does not keep up.

        Returns that one's room, of what this engine's own end would lose.
        """
        try:
            if _says_failure(frame):
                instance.output.pass_on()
            of_a_run = self._tools.runs.heard(frame, instance)
            if of_a_run and self._tools.routes.find(frame.to) is None:
                return None  # its result is kept, though nobody is there who asked for it
            room = self._tools.relay.forward(frame, instance)
        except WireError as error:
            if instance.channel is not None:
                instance.channel.abort(f"The plugin sent what is no message: {error}")
            return None
        if room is not None and instance.channel is not None:
            task = asyncio.get_running_loop().create_task(_held_until(room, instance.channel))
            self._holding.add(task)
            task.add_done_callback(self._holding.discard)
        if not instance.manifest.may_detach:
            return None
        route = self._tools.routes.find(frame.to)
        return None if route is None else route.room()

    async def find_detached(self) -> Callable[[], None]:
        """Take on the plugins that earlier engines left: clients may attach from now on.

        Returns what begins their life with this engine.
        """
        found = await self._tools.pool.found()
        for instance, _ in found:
            self._tools.routes.add(_route_to(instance))
            self._tools.runs.instance_found(instance)
        for workspace in {instance.workspace for instance, _ in found}:
            self._tools.relay.acquaint(
                instance.peer_id for instance, _ in found if instance.workspace == workspace
            )

        def begin() -> None:
            for _, begin_one in found:
                begin_one()

        return begin

    def _run_changed(self, run: Run) -> None:
        for session in list(self._sessions.values()):
            if session.workspace == run.workspace:
                session.tell("run_event", {"run": run.as_dict()}, last_of=f"run {run.id}")

    async def flushed(self, within_s: float) -> None:
        """Return when clients that are there have been sent what waits, or after `within_s`.

        What is lost then with those that are away, or too slow, is said in the log.
        """
        sessions = list(self._sessions.values())
        sending = [asyncio.ensure_future(each.flushed()) for each in sessions]
        if sending:
            await asyncio.wait(sending, timeout=within_s)
        for session, task in zip(sessions, sending, strict=True):
            if not session.is_connected:
                _say_lost(session, "is away while the engine stops")
            elif not task.done():
                _say_lost(session, f"has not read what waits for it within {within_s:g} s")
            task.cancel()

    async def close(self) -> None:
        """Close every session."""
        for task in (*self._expiring.values(), *self._holding):
            task.cancel()
        for session in list(self._sessions.values()):
            session.disconnect()
            await session.discard()
        self._sessions.clear()
        await self._attendance.close()
        if self._discarding:
            await asyncio.wait(self._discarding)

    def _forget(self, session: Session) -> None:
        self._sessions.pop(session.id, None)
        task = asyncio.get_running_loop().create_task(session.discard())
        self._discarding.add(task)
        task.add_done_callback(self._discarding.discard)
        if (expiry := self._expiring.pop(session.id, None)) is not None:
            expiry.cancel()

    async def _expire(self, session: Session) -> None:
        await self._clock.sleep(self._tools.limits.session_grace_s)
        _LOG.info("A client did not come back; its session ends.")
        _say_lost(session, "did not come back")
        self._expiring.pop(session.id, None)
        session.leave(_GONE, grace=False)
        self._forget(session)


def _says_failure(frame: Frame) -> bool:
    """Return whether this is the error of a run: what led to it is to be read before it."""
    mark = frame.extra.get(RUN)
    return isinstance(mark, Mapping) and mark.get("state") == "failed"


def _say_lost(session: Session, why: str) -> None:
    if session.messages:
        _LOG.warning(
            "A client %s. %d messages of plugins that wait for it are lost with its session; "
            "results of runs are kept.",
            why,
            session.messages,
        )


def _route_to(instance: PluginInstance) -> Route:
    return Route(instance.peer_id, instance.workspace, instance.deliver, lambda: instance.room)


async def _held_until(room: Room, channel: Channel) -> None:
    """Read nothing from `channel` until there is room."""
    why = object()
    channel.pause_reading(why)
    await room.drained()
    channel.resume_reading(why)


def _workspace(name: object) -> str:
    if name is None or name == "":
        return DEFAULT_WORKSPACE
    if not isinstance(name, str) or not _WORKSPACE_NAME.fullmatch(name) or ".." in name:
        raise BadRequestError(
            f"The workspace name {str(name)[:80]!r} cannot be used.",
            hint="Letters, digits, spaces, '_', '-' and '.', at most 64 of them.",
        )
    return name
