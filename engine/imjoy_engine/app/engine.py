"""The engine as one asynchronous context manager."""

from __future__ import annotations

import logging
import platform
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from imjoy_engine import logs
from imjoy_engine.app.environments import EnvironmentTools, open_environments
from imjoy_engine.app.info import engine_info
from imjoy_engine.app.shared_memory import shared_directory
from imjoy_engine.app.terminal import TerminalLog
from imjoy_engine.app.terminal_bars import TerminalBars
from imjoy_engine.app.worker_archive import unpacked_worker
from imjoy_engine.app.workspace import locked_workspace
from imjoy_engine.clock import Clock, SystemClock
from imjoy_engine.config import DEFAULT_WORKSPACE, EngineConfig
from imjoy_engine.environments import find_interpreters
from imjoy_engine.gateway.admin import Admin
from imjoy_engine.gateway.api import add_api
from imjoy_engine.gateway.auth import (
    HostRule,
    TokenAuth,
    allowed_origins,
    load_secret,
    renew_secret,
)
from imjoy_engine.gateway.data_channel import DataChannels
from imjoy_engine.gateway.file_requests import file_requests
from imjoy_engine.gateway.files import FileService
from imjoy_engine.gateway.http import listening, new_application, origin_allowed
from imjoy_engine.gateway.page import add_page
from imjoy_engine.gateway.signing import UrlSigner
from imjoy_engine.gateway.socketio import SocketIOGateway
from imjoy_engine.ids import new_secret
from imjoy_engine.plugins import (
    Consents,
    DetachedPlugins,
    PluginInstance,
    PluginPool,
    SpareInterpreters,
    Tools,
)
from imjoy_engine.plugins.guard import ResourceGuard
from imjoy_engine.plugins.overview import Overview
from imjoy_engine.plugins.usage import UsageMeter
from imjoy_engine.processes import ForkServer, Shims
from imjoy_engine.provisioners import LocalProvisioner
from imjoy_engine.relay.relay import Relay
from imjoy_engine.relay.routes import Room, Routes
from imjoy_engine.resources import GpuLeases, load_probe
from imjoy_engine.resources.cgroups import find_cgroups
from imjoy_engine.session import SessionRegistry
from imjoy_engine.session.left_outboxes import LeftOutboxes
from imjoy_engine.session.plugin_requests import PluginRequests
from imjoy_engine.session.run_files import RunFiles
from imjoy_engine.session.run_requests import RunRequests
from imjoy_engine.session.runs import Runs
from imjoy_engine.session.tools import SessionTools
from imjoy_engine.transport import WorkerListener
from imjoy_wire.frames import Frame

__all__ = ["BUILT", "Engine"]

_LOG = logging.getLogger(__name__)
BUILT = Path(__file__).resolve().parent.parent / "built"
"""What the build leaves: the page, the worker's zipapp and the templates."""


class Engine:
    """`async with Engine(config) as engine`: it serves inside the block, and is gone after it."""

    def __init__(
        self,
        config: EngineConfig,
        *,
        clock: Clock | None = None,
        console: Console | None = None,
    ) -> None:
        self.config = config
        self.token = ""
        self.port = 0
        self._clock = clock or SystemClock()
        self._stack = AsyncExitStack()
        self._registry: SessionRegistry
        self._pool: PluginPool
        self._terminal = TerminalLog(TerminalBars(console) if console is not None else None)
        self._environments: EnvironmentTools
        self._shims = Shims(ForkServer())
        self._gpus: GpuLeases
        self._guard: ResourceGuard
        self._admin: Admin

    @property
    def url(self) -> str:
        """Return the public address, without a slash at its end."""
        if self.config.base_url:
            return self.config.base_url.rstrip("/")
        return self._local_url

    @property
    def _local_url(self) -> str:
        host = self.config.host
        shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    @property
    def link(self) -> str:
        """Return the address to open; the token is in the fragment, which no server ever sees."""
        return f"{self.url}/#token={self.token}"

    @property
    def left(self) -> list[tuple[str, int]]:
        """Return the plugins that live on after the block: each name, and the process to end."""
        return [(instance.manifest.name, holder) for instance, holder in self._pool.left]

    async def __aenter__(self) -> Engine:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _start(self, stack: AsyncExitStack) -> None:
        config = self.config
        stack.callback(self._terminal.close)
        lock = stack.enter_context(locked_workspace(config.state_dir))
        self.token = config.token or load_secret(config.state_dir / "token")
        logs.blank(self.token)
        listener = await stack.enter_async_context(
            WorkerListener.listening(max_frame_bytes=config.limits.max_message_bytes)
        )
        app = new_application(HostRule.of(config.host, config.base_url, _own_names(config.host)))
        files = FileService(self._visible, UrlSigner(new_secret()), self._clock)
        origins = allowed_origins(config.base_url, config.allow_origins)
        channels = DataChannels(origins)
        await self._acquire(stack)
        pool, registry = self._plugins(listener, stack.enter_context(shared_directory()))
        self._registry, self._pool = registry, pool
        auth = TokenAuth(self.token, self._clock)
        key = new_secret()
        admin = self._admin = self._administration(pool, auth, key)
        gateway = SocketIOGateway(
            registry,
            auth,
            requests={
                **file_requests(files),
                **channels.requests(),
                "get_engine_status": admin.status_of,
                **RunRequests(self._runs, pool).requests(),
                **PluginRequests(pool).requests(),
            },
            engine_info=self._info,
            limits=config.limits,
            origin_allowed=origin_allowed(origins),
        )
        gateway.attach(app)
        files.routes(app)
        channels.routes(app)
        admin.routes(app)
        add_api(app, BUILT / "templates", self._info)
        add_page(app, BUILT / "web")
        left_outboxes = await LeftOutboxes.found(config.state_dir / "outbox")
        # Before clients come, so that none starts anew what is running.
        begin_found = await registry.find_detached()
        self.port = await stack.enter_async_context(
            listening(app, config.host, config.port, config.limits.shutdown_timeout_s)
        )
        files.base_url = self.url
        # Last acquired, first released. Clients hear how their plugins end before the doors close;
        # those that outlive the engine are let go last, when nobody can call them any more.
        stack.push_async_callback(pool.close)
        stack.push_async_callback(registry.close)
        stack.push_async_callback(channels.close)
        stack.push_async_callback(gateway.close)
        stack.push_async_callback(registry.flushed, config.limits.shutdown_timeout_s)
        stack.push_async_callback(pool.end_bound)
        begin_found()
        left_outboxes.start()
        stack.push_async_callback(left_outboxes.close)
        lock.describe(url=self.url, local=self._local_url, key=key)

    async def _acquire(self, stack: AsyncExitStack) -> None:
        """Get what plugins stand on: GPUs, limits, environments."""
        config = self.config
        self._runs = Runs(RunFiles(config.state_dir / "runs"), self._clock, config.limits)
        await self._runs.open()
        stack.push_async_callback(self._runs.close)
        self._gpus = GpuLeases(
            load_probe(config.gpu_probe, config.environment),
            self._clock,
            locks=config.store / "gpus",
            share_all=config.share_gpus,
            on_request=config.gpus_on_request,
        )
        stack.push_async_callback(self._gpus.close)
        self._guard = ResourceGuard(
            find_cgroups if config.use_cgroups else lambda: "Control groups are off.", self._clock
        )
        stack.push_async_callback(self._guard.close)
        stack.push_async_callback(self._shims.close)
        await self._shims.prepare()
        self._environments = open_environments(config, self._clock)
        await self._environments.store.prepare()
        stack.push_async_callback(self._environments.plugins.close)
        self._environments.housekeeping.start()
        stack.push_async_callback(self._environments.housekeeping.close)

    def _plugins(
        self, listener: WorkerListener, shared: Path | None
    ) -> tuple[PluginPool, SessionRegistry]:
        config = self.config
        routes = Routes()
        provisioner = LocalProvisioner(config.environment, shims=self._shims)
        tools = Tools(
            environments=self._environments.plugins,
            provisioner=provisioner,
            consents=Consents(config.state_dir / "consents.json", allow_all=config.allow_commands),
            pythons=lambda: _pythons(config.environment),
            spares=SpareInterpreters(provisioner, listener, config.limits, self._clock),
            listener=listener,
            worker=unpacked_worker(BUILT / "worker.pyz", config.store),
            engine_url=lambda: self.url,
            limits=config.limits,
            detached=DetachedPlugins(config.state_dir / "detached", config.limits.detached_s),
            written=self._runs.written,
            shared_memory=shared,
            gpus=self._gpus,
            guard=self._guard,
        )
        pool = PluginPool(
            tools, log_dir=config.state_dir / "logs", on_event=self._event, on_frame=self._frame
        )
        session_tools = SessionTools(
            pool=pool,
            relay=Relay(routes),
            routes=routes,
            workspace_root=config.workspace,
            limits=config.limits,
            runs=self._runs,
            outbox_dir=config.state_dir / "outbox",
        )
        return pool, SessionRegistry(session_tools, self._clock)

    def _administration(self, pool: PluginPool, auth: TokenAuth, key: str) -> Admin:
        config = self.config
        started_s = self._clock.now()
        meter = UsageMeter(self._gpus.probe.memory_by_process, self._clock)
        return Admin(
            Overview(pool, self._gpus, meter, self._runs.under_way),
            pool,
            auth,
            key=key,
            facts=lambda: {
                "url": self.url,
                "uptime_s": round(self._clock.now() - started_s, 1),
                "workspace": str(config.workspace),
                "max_plugins": config.limits.max_plugins,
            },
            tokens=(lambda: self.token, None if config.token else self._renew_token),
        )

    def _renew_token(self) -> str:
        self.token = renew_secret(self.config.state_dir / "token")
        logs.blank(self.token)
        return self.token

    def _visible(self, workspace: str) -> tuple[Path, ...]:
        """Return the directories that clients of a workspace may see, where they start first."""
        root = self.config.workspace
        start = root / workspace
        start.mkdir(parents=True, exist_ok=True)
        whole = (root,) if workspace == DEFAULT_WORKSPACE else ()
        return (start, *whole, *self.config.file_roots)

    def _event(self, instance: PluginInstance, event: dict[str, Any]) -> None:
        self._terminal.tell(instance, event)
        self._admin.ends.hear(instance.id, event)
        if event["event"] == "begun":
            return  # clients have seen to it themselves
        self._registry.plugin_event(instance, event)

    def _frame(self, instance: PluginInstance, frame: Frame) -> Room | None:
        return self._registry.plugin_frame(instance, frame)

    async def _info(self) -> dict[str, Any]:
        return engine_info(self.config.name, self.url, await self._gpus.inventory())


def _own_names(host: str) -> tuple[str, ...]:
    """Return what a network may call this machine, of an engine that listens on every one."""
    return (platform.node(),) if host in ("", "0.0.0.0", "::") else ()


async def _pythons(machine: Mapping[str, str]) -> list[str]:
    return [platform.python_version(), *(each.version for each in await find_interpreters(machine))]
