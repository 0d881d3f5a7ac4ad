"""A program's connection to an engine."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from imjoy_client.consent import AllowCommands, consent_answer
from imjoy_client.core_api import OnMessage, core_api
from imjoy_client.end import PluginEnd
from imjoy_client.errors import ClientError, PluginFailedError
from imjoy_client.plugin import PluginProxy
from imjoy_client.plugin_file import PluginSource, made_plugin, read_plugin
from imjoy_client.runs import Runs
from imjoy_client.session import EngineSession
from imjoy_wire.arrays import import_numpy_by
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN
from imjoy_wire.peer import Peer

__all__ = ["Client", "connect"]

_LOG = logging.getLogger(__name__)
_LEAVE_S = 5.0
OnEvent = Callable[[dict[str, Any]], None]


@asynccontextmanager
async def connect(
    url: str,
    token: str,
    *,
    workspace: str = "default",
    on_event: OnEvent | None = None,
    data_channel: bool = True,
) -> AsyncIterator[Client]:
    """Be connected to the engine at `url` while the block runs; its plugins end with it, but those
    with the flag `allow-detach`.

    `url` may be the printed link, then `token` may be "". `on_event` is called with every event of
    a plugin: states, progress of its environment, log lines, its end. Raises EngineRefusedError for
    a wrong token and ClientError when nobody answers.
    """
    import_numpy_by(importlib.import_module)
    base, _, fragment = url.partition("/#token=")
    client = Client(base, token or fragment, workspace, on_event, data_channel)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


class Client:
    """Starts plugins and finds them; made by `connect`."""

    def __init__(
        self,
        url: str,
        token: str,
        workspace: str,
        on_event: OnEvent | None,
        data_channel: bool,
    ) -> None:
        self.thread_id = threading.get_ident()
        self._on_event = on_event
        self._plugins: dict[str, PluginEnd] = {}  # by plugin id
        self._ends: dict[str, PluginEnd] = {}  # by the peer id of this client's end
        self._early: dict[str, list[Frame]] = {}  # for ends whose start has not been answered
        self._consents: dict[str, AllowCommands] = {}  # by plugin id
        self._starting = 0
        self._session = EngineSession(
            url,
            token,
            workspace,
            on_frame=self._frame,
            on_lost=self._lost,
            data_channel=data_channel,
        )
        self._runs = Runs(self._session.ask, self._session.back, self._peer_of)

    @property
    def engine_info(self) -> dict[str, Any]:
        """What the engine says of itself: name, version, platform, GPUs."""
        return self._session.info

    @property
    def max_message_bytes(self) -> int:
        """How large one call or answer may be, arrays included."""
        return self._session.max_message_bytes

    @property
    def has_data_channel(self) -> bool:
        """Whether frames go over a data channel now, not over Socket.IO."""
        return self._session.has_channel

    async def start_plugin(
        self,
        source: str | Path | Mapping[str, Any],
        *,
        script: str | None = None,
        api: Mapping[str, Callable[..., Any]] | None = None,
        on_message: OnMessage | None = None,
        allow_commands: AllowCommands | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> PluginProxy:
        """Return a plugin that is ready to be called, its environment built and `setup` run.

        `source` is a plugin file, the text of one, or a config to go with `script`. `api` adds
        functions that the plugin finds on its `api`; `on_message` gets what it logs and shows.
        `allow_commands` is asked when the plugin wants to run commands of its own for its
        environment; without it they are refused. `environment` holds decisions about that:
        `allow_build`, `exclude_newer`, `python`, `packed`.
        Raises PluginFileError and PluginFailedError.
        """
        plugin = _source(source, script)
        config = {"type": "native-python", **plugin.config}
        if plugin.text:
            config["code"] = plugin.text
        beside = {"asks": allow_commands is not None, "environment": dict(environment or {})}
        wanted = {"config": config, **beside}
        return await self._end_of(plugin, wanted, api, on_message, allow_commands)

    async def _end_of(
        self,
        plugin: PluginSource,
        wanted: dict[str, Any],
        api: Mapping[str, Callable[..., Any]] | None,
        on_message: OnMessage | None,
        allow_commands: AllowCommands | None = None,
    ) -> PluginProxy:
        plugin_id = f"{plugin.config['name']}_{uuid.uuid4().hex[:12]}"
        tell = on_message or (lambda name, value: _LOG.info("%s: %s", name, value))
        functions = core_api(tell, self.find_plugin, api or {})
        end = PluginEnd(self, plugin_id, plugin, functions)
        end.is_guest = "instance" in wanted
        self._plugins[plugin_id] = end
        if allow_commands is not None:
            self._consents[plugin_id] = allow_commands
        try:
            await self._start(end, wanted)
        except BaseException:
            # Half a plugin is of no use to anybody; that it is gone already is no news.
            if not end.is_guest:
                with contextlib.suppress(ClientError):
                    await self.stop_plugin(plugin_id)
            self._forget_plugin(plugin_id)
            raise
        return PluginProxy(end, self.stop_plugin)

    async def _start(self, end: PluginEnd, wanted: dict[str, Any]) -> None:
        self._starting += 1
        try:
            payload = {"id": end.plugin_id, **wanted}
            answer = await self._session.ask("init_plugin", payload)
            end.attach(answer)
            self._ends[answer["client_peer"]] = end
            for frame in self._early.pop(answer["client_peer"], ()):
                self._frame(frame)
        finally:
            self._starting -= 1
            if not self._starting:
                self._early.clear()
        await end.begin(resumed=bool(answer["resumed"]))

    async def attach(
        self,
        name: str,
        *,
        tag: str | None = None,
        api: Mapping[str, Callable[..., Any]] | None = None,
        on_message: OnMessage | None = None,
    ) -> PluginProxy:
        """Return a plugin of the workspace that runs already, whoever has started it.

        `name` is the plugin's, or the id of one instance of it. It does not end with this client.
        Raises ClientError when none runs.
        """
        running = (await self.status())["plugin_processes"]
        found = [
            each
            for each in running
            if name in (each["name"], each["instance"]) and tag in (None, each["tag"])
        ]
        if not found:
            raise ClientError(f"No plugin {name!r} runs in this workspace.")
        instance = found[-1]["instance"]
        source = (await self._session.ask("get_plugin_source", {"instance": instance}))["source"]
        plugin = read_plugin(source) if source else PluginSource({"name": found[-1]["name"]}, ())
        return await self._end_of(plugin, {"instance": instance}, api, on_message)

    async def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return what is known of the runs of this workspace, oldest first.

        Each has `id`, `plugin`, `tag`, `instance`, `name`, `state` (running, done, failed or lost),
        `started`, `ended`, `progress`, `status`. `wanted` chooses by plugin, tag, instance, state.
        """
        return await self._runs.all(wanted)

    def start_run(self, plugin: PluginProxy, name: str, *args: Any, **kwargs: Any) -> str:
        """Call a function of a plugin as a run, and return the run's id at once.

        A call of `run` is a run by itself. What began a run may leave: any client of the workspace
        can wait for it.
        """
        return plugin._end.start_run(name, args, kwargs)

    async def wait_run(self, run_id: str) -> Any:
        """Return the result of a run when it is over, whoever has begun it.

        Raises what the function raised, or RunFailedError when its plugin ended or its result was
        not kept, or EngineRefusedError when there is no such run.
        """
        return await self._runs.wait(run_id)

    async def cancel_run(self, run_id: str) -> None:
        """Tell the plugin that nobody wants a run any more, whoever has begun it."""
        await self._session.ask("cancel_run", {"run": run_id})

    def find_plugin(self, name: str) -> PluginProxy:
        """Return the plugin of that name that this client has started. Raises ClientError."""
        for end in self._plugins.values():
            if end.name == name:
                return PluginProxy(end, self.stop_plugin)
        raise ClientError(f"This client has started no plugin {name!r}.")

    async def stop_plugin(self, plugin_id: str) -> None:
        """Return when the plugin has ended."""
        await self._session.ask("kill_plugin", {"id": plugin_id})
        self._forget_plugin(plugin_id)

    def _forget_plugin(self, plugin_id: str) -> None:
        self._consents.pop(plugin_id, None)
        end = self._plugins.pop(plugin_id, None)
        if end is not None:
            end.event({"event": "state", "state": "stopped"})  # its own word may come too late
        self._ends = {peer: end for peer, end in self._ends.items() if end.plugin_id != plugin_id}

    async def status(self) -> dict[str, Any]:
        """Return what runs in this workspace."""
        return await self._session.ask("get_engine_status")

    # ── for plugins and sessions ─────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Connect and register."""
        await self._session.open()

    async def close(self) -> None:
        """End this client's plugins, but those that may detach, then leave."""
        try:
            for plugin_id, end in list(self._plugins.items()):
                if not end.may_stay:
                    await self.stop_plugin(plugin_id)
            await self._session.ask("leave_session", timeout_s=_LEAVE_S)
        except ClientError:
            pass  # an engine that is gone has nothing to be told
        await self._session.close()

    def send(self, frame: Frame) -> None:
        """Queue a frame."""
        self._session.send(frame)

    def forget(self, peer: str) -> None:
        """Drop what is under way to and from a peer that is gone."""
        self._session.forget(peer)

    def payload(self, frame: Frame) -> dict[str, Any]:
        """Return the JSON object in a frame of the engine."""
        return self._session.payload(frame)

    def told(self, plugin: PluginEnd, name: str, value: Any) -> None:
        """Pass on what a plugin reports by itself."""
        self._tell({"event": name, "name": plugin.name, "text": value})

    def _peer_of(self, instance: str) -> tuple[Peer, str] | None:
        for end in self._plugins.values():
            if end.instance == instance:
                return end.ends
        return None

    def _frame(self, frame: Frame) -> None:
        if frame.kind == RUN:
            self._runs.arrived(frame)
            return
        if frame.kind == "event":
            event = self.payload(frame)
            if "run" in event:
                self._tell({"event": "run", "name": event["run"]["plugin"], **event})
            else:
                self._event(event)
            return
        end = self._ends.get(frame.to)
        if end is not None:
            end.frame(frame)
        elif self._starting:
            # A worker may greet before the answer to init_plugin has told which end it greets.
            self._early.setdefault(frame.to, []).append(frame)

    def _event(self, event: dict[str, Any]) -> None:
        end = self._plugins.get(str(event.get("id")))
        if end is not None:
            end.event(event)
            event = {**event, "name": end.name}
            allow = self._consents.get(end.plugin_id)
            if event.get("event") == "consent" and allow is not None:
                self._session.soon(self._answer(event, allow))
        self._tell(event)

    def _tell(self, event: dict[str, Any]) -> None:
        try:
            if self._on_event is not None:
                self._on_event(event)
        except Exception:  # noqa: BLE001 - the program's own function; what comes is read on
            _LOG.exception("on_event failed with %r", event.get("event"))

    async def _answer(self, event: dict[str, Any], allow: AllowCommands) -> None:
        try:
            answer = await consent_answer(event, allow)
        except Exception:  # noqa: BLE001 - the program's own function; its plugin must not wait
            _LOG.exception("allow_commands failed; nothing is allowed")
            answer = {"id": event["id"], "question": event["question"], "allow": False}
        # Somebody else may have answered meanwhile.
        with contextlib.suppress(ClientError):
            await self._session.ask("answer_consent", answer)

    def _lost(self, why: str) -> None:
        for end in list(self._plugins.values()):
            lost = {"code": "session-lost", "message": why}
            end.event({"event": "state", "state": "failed", "error": lost})


def _source(source: str | Path | Mapping[str, Any], script: str | None) -> PluginSource:
    if isinstance(source, Mapping):
        if script is None:
            raise PluginFailedError("A config alone is no plugin.", hint="Give script=… too.")
        return made_plugin(source, script)
    return read_plugin(source)
