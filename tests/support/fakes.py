"""Ports of the engine's lower half, carried out in memory."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

from imjoy_engine.environments import EnvironmentLease, EnvironmentSpec, OnProgress, Phase, Progress
from imjoy_engine.environments.lease import NOBODY, Owner
from imjoy_engine.errors import EngineError, PluginStartError
from imjoy_engine.processes import ExitReport, Ladder, OnOutput
from imjoy_engine.provisioners import LaunchSpec

__all__ = ["FakeEnvironments", "FakeProvisioner", "FakeWorker"]


class FakeWorker:
    """A worker without a process: the test decides when it prints and ends.

    `deaf` makes it outlast every step of a ladder but the last.
    """

    def __init__(self, pid: int, spec: LaunchSpec, on_output: OnOutput) -> None:
        self.pid = pid
        self.spec = spec
        self.deaf = False
        self.ladders: list[Ladder] = []
        self._on_output = on_output
        self._ended: asyncio.Future[ExitReport] = asyncio.get_running_loop().create_future()

    def prints(self, text: str) -> None:
        self._on_output("stdout", text.encode())

    def exits(self, exit_code: int) -> None:
        self._end(ExitReport(self.pid, exit_code, None, f"exited with code {exit_code}", 1, 0.1))

    def dies(self, signal: str, words: str) -> None:
        self._end(ExitReport(self.pid, None, signal, words, 1, 0.1))

    async def wait(self) -> ExitReport:
        return await asyncio.shield(self._ended)

    async def stop(self, ladder: Ladder) -> ExitReport:
        self.ladders.append(ladder)
        signal = "SIGKILL" if self.deaf or ladder == Ladder.at_once() else "SIGINT"
        self.dies(signal, f"stopped on request ({signal})")
        return await self.wait()

    def _end(self, report: ExitReport) -> None:
        if not self._ended.done():
            self._ended.set_result(report)


class FakeProvisioner:
    """Starts fake workers; `failure` is raised by the next launches instead."""

    name = "fake"

    def __init__(self) -> None:
        self.workers: list[FakeWorker] = []
        self.failure: EngineError | None = None
        self.launched: asyncio.Queue[FakeWorker] = asyncio.Queue()
        self._pids = itertools.count(100_001)

    async def launch(self, spec: LaunchSpec, on_output: OnOutput) -> FakeWorker:
        if self.failure is not None:
            raise self.failure
        try:
            spec.work_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PluginStartError(f"The work directory {spec.work_dir} cannot be made.") from error
        worker = FakeWorker(next(self._pids), spec, on_output)
        self.workers.append(worker)
        self.launched.put_nowait(worker)
        return worker


class FakeEnvironments:
    """Grants leases of one prefix at once, unless `failure` is set or `open_gate` is cleared."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.specs: list[EnvironmentSpec] = []
        self.leased = 0
        self.failure: EngineError | None = None
        self.open_gate = asyncio.Event()
        self.open_gate.set()

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        self.specs.append(spec)
        on_progress(Progress(Phase.QUEUED, message="Waiting for the environment."))
        await self.open_gate.wait()
        if self.failure is not None:
            raise self.failure
        self.leased += 1
        on_progress(Progress(Phase.READY, message="The environment is ready."))
        return EnvironmentLease("fake", self.prefix, on_release=self._release)

    def _release(self) -> None:
        self.leased -= 1
