"""One running plugin, as everybody above sees it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imjoy_engine.errors import EngineError, PluginError
from imjoy_engine.ids import new_id, new_secret
from imjoy_engine.plugins.awaited import Awaited
from imjoy_engine.plugins.consent import Question
from imjoy_engine.plugins.lifecycle import Lifecycle, State
from imjoy_engine.plugins.log_files import log_path
from imjoy_engine.plugins.manifest import PluginManifest
from imjoy_engine.plugins.output import OutputLog
from imjoy_engine.resources import GpuLease, Place
from imjoy_engine.transport import Channel, Receiver
from imjoy_wire.frames import Frame

__all__ = ["Eviction", "InstanceObserver", "PluginInstance"]

_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class Eviction:
    """Why the engine ends a plugin, and whether there is no time to finish."""

    error: EngineError
    at_once: bool


class InstanceObserver:
    """Who is told of a plugin's events and gets its frames; the two are set from above."""

    def __init__(
        self,
        on_event: Callable[[PluginInstance, dict[str, Any]], None],
        on_frame: Callable[[PluginInstance, Frame], Receiver | None],
    ) -> None:
        self.on_event = on_event
        self.on_frame = on_frame


class PluginInstance:
    """A plugin from its first to its last state; the supervisor moves it, others read it."""

    def __init__(
        self,
        manifest: PluginManifest,
        *,
        workspace: str,
        work_dir: Path,
        log_dir: Path,
        max_log_bytes: int,
        observer: InstanceObserver,
    ) -> None:
        self.id = new_id("i")
        self.peer_id = new_id("w")
        self.secret = new_secret()
        self.manifest = manifest
        self.workspace = workspace
        self.work_dir = work_dir
        self._channel: Channel | None = None
        self._awaited: Awaited | None = None
        self.pid: int | None = None
        self.started_s: float | None = None
        """When the process became this plugin's, on the monotonic clock; None where an earlier
        engine has started it."""
        self.error: EngineError | None = None
        self._exit: dict[str, Any] | None = None
        self.peers: list[str] = []
        self.choices: object = None
        """What a person decided about the environment, as the client sent it."""
        self.askers: set[str] = set()
        """The clients' ends that show questions to a person."""
        self.question = Question(self.emit)
        self.lease: GpuLease | None = None
        """The GPUs it holds; None for a plugin that asks for none."""
        self.queue_place: Place | None = None
        """Where it waits for a GPU, while it does."""
        self.evicted = asyncio.Event()
        """Set when the engine ends the plugin for a reason of its own, which `eviction` says."""
        self.eviction: Eviction | None = None
        self._idle_answer: asyncio.Future[float] | None = None
        self._observer = observer
        self.lifecycle = Lifecycle(self._state_changed)
        self._log_dir = log_dir
        self.output = self._output(max_log_bytes)

    @property
    def state(self) -> State:
        """Return where the plugin is in its life."""
        return self.lifecycle.state

    @property
    def channel(self) -> Channel | None:
        """Return the way to its process, once that was welcomed."""
        return self._channel

    @channel.setter
    def channel(self, channel: Channel | None) -> None:
        """Be reached by `channel`; what has waited for its process goes first."""
        self._channel = channel
        if self._awaited is not None and channel is not None:
            self._awaited.back(channel)
            self._awaited = None

    @property
    def exit(self) -> dict[str, Any] | None:
        """Return how its process ended, and what to do about it if the engine has ended it for a
        reason of its own; None while it has not."""
        error = self.error
        if self._exit is None or not isinstance(error, PluginError) or not error.ending:
            return self._exit
        return {**self._exit, "words": error.ending, "hint": error.hint}

    @exit.setter
    def exit(self, report: dict[str, Any] | None) -> None:
        self._exit = report

    @property
    def room(self) -> Channel | Awaited | None:
        """Return what says whether it keeps up with its frames; None before its start."""
        return self._channel or self._awaited

    def resume(self, instance_id: str, peer_id: str, secret: str) -> None:
        """Be a plugin that an earlier engine has started; before anything else is done with it."""
        self.id, self.peer_id, self.secret = instance_id, peer_id, secret
        self._awaited = Awaited()
        self.output = self._output(self.output.max_file_bytes)

    def renew(self) -> None:
        """Be nobody that anybody knows: its process has ended, and another will take its place.

        Clients that used the last one attach again to the new one.
        """
        self.peer_id, self.secret = new_id("w"), new_secret()
        self.channel = self.pid = self.error = self.exit = None
        self.peers.clear()

    def owns(self, peer_id: str) -> bool:
        """Return whether frames of this worker may carry `peer_id` as their sender."""
        return peer_id == self.peer_id

    def deliver(self, frame: Frame) -> None:
        """Send a frame to the worker; one that comes after its end is dropped.

        Of a plugin that an earlier engine has started it waits until its process is back.
        """
        if self._channel is not None:
            self._channel.send(frame)
        elif self._awaited is not None:
            self._awaited.put(frame)

    def join(self, peer_id: str, *, replaces: Sequence[str] = ()) -> None:
        """Tell the worker of a client's end; before its start this waits for the welcome.

        `replaces` are ends that have left, in whose place it comes: those of the page before a
        reload.
        """
        self.peers.append(peer_id)
        self._control("peer_joined", {"peer": peer_id, "replaces": list(replaces)})

    def leave(self, peer_id: str, reason: dict[str, Any] | None = None) -> None:
        """Tell the worker that a client's end is gone."""
        self.askers.discard(peer_id)
        if not self.askers:
            self.question.refuse()
        if peer_id in self.peers:
            self.peers.remove(peer_id)
            self._control("peer_gone", {"peer": peer_id, "reason": reason or {}})

    def gone_reason(self) -> dict[str, Any]:
        """Return why nobody will answer any more: what pending calls are told."""
        report = self.exit or {}
        if self.error is not None:
            words = self.error.message
        else:
            words = f"The plugin {self.manifest.name!r} has stopped."
        return {
            "code": self.error.code if self.error is not None else "plugin-stopped",
            "message": words,
            "hint": self.error.hint if self.error is not None else "",
            "exit_code": report.get("exit_code"),
            "signal": report.get("signal"),
            "last_lines": self.output.last_lines(),
        }

    def emit(self, event: str, **payload: Any) -> None:
        """Tell the observer of an event of this plugin."""
        self._observer.on_event(self, {"event": event, **payload})

    def note(self, words: str) -> None:
        """Put a sentence of the engine's own into the plugin's log."""
        self.output.feed("stderr", f"[engine] {words}\n".encode())

    def evict(self, error: EngineError, *, at_once: bool = False) -> None:
        """Have the supervisor end the plugin, because of `error`; a second reason is passed over.

        It may finish first, unless it has to go `at_once`.
        """
        if self.eviction is None:
            self.eviction = Eviction(error, at_once)
            self.evicted.set()

    async def idle_for(self) -> float:
        """Return for how many seconds the plugin has had nothing to do: 0 while it is at work."""
        if self.channel is None:
            return 0.0
        answer = self._idle_answer = asyncio.get_running_loop().create_future()
        self._control("idle", {})
        await asyncio.wait({answer}, timeout=_ANSWER_S)
        return answer.result() if answer.done() else 0.0

    def receive(self, frame: Frame) -> Receiver | None:
        """Hand a frame of the worker upwards; what it tells the engine itself is taken here.

        Returns the process that it was passed on to, if it was.
        """
        if not frame.to and frame.kind == "idle":
            self._told(frame)
        elif not frame.to and frame.kind == "raised":
            self._raised(frame)
        elif not frame.to and frame.kind == "begun":
            self._begun(frame)
        else:
            return self._observer.on_frame(self, frame)
        return None

    def _told(self, frame: Frame) -> None:
        answer = self._idle_answer
        if answer is not None and not answer.done():
            try:
                answer.set_result(float(json.loads(bytes(frame.body))["idle_s"] or 0.0))
            except (ValueError, KeyError, TypeError):
                answer.set_result(0.0)

    def _raised(self, frame: Frame) -> None:
        """Keep what a call has raised; whatever else came under that name is nothing."""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self.output.mark_raised(str(json.loads(bytes(frame.body))["text"]))

    def _begun(self, frame: Frame) -> None:
        """Pass on whether the plugin can be called; anything else of that name is nothing."""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            error = json.loads(bytes(frame.body))["error"]
            self.emit("begun", error=None if error is None else str(error))

    def _control(self, kind: str, payload: dict[str, Any]) -> None:
        if self.channel is not None:
            body = json.dumps(payload).encode()
            self.channel.send(Frame(to=self.peer_id, sender="", kind=kind, body=body, buffers=()))

    def _output(self, max_file_bytes: int) -> OutputLog:
        path = log_path(self._log_dir, self.workspace, self.manifest.name, self.id)
        return OutputLog(path, self._printed, max_file_bytes=max_file_bytes)

    def _state_changed(self, state: State, detail: dict[str, Any]) -> None:
        if not self.lifecycle.is_final:
            self.output.mark(" ".join(filter(None, [state.value, str(detail.get("detail", ""))])))
        elif self._awaited is not None:
            self._awaited.over()
        self.emit("state", state=state.value, **detail)

    def _printed(self, stream: str, text: str) -> None:
        self.emit("log", stream=stream, text=text, time_s=time.time())
