"""Workers without processes: environments that are ready, and a provisioner that plays along.

They implement the engine's ports, so supervisor, pool and sessions run as they are.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from imjoy_engine.config import Limits
from imjoy_engine.environments import EnvironmentLease, EnvironmentSpec, OnProgress, Phase, Progress
from imjoy_engine.environments.lease import NOBODY, Owner
from imjoy_engine.plugins import Tools
from imjoy_engine.processes import ExitReport, Ladder
from imjoy_engine.provisioners import LaunchSpec
from imjoy_engine.transport import WorkerListener
from imjoy_wire.chunks import cut, is_big
from imjoy_wire.frames import Frame, FrameDecoder, encode_frame

LIMITS = Limits(start_timeout_s=20.0, stop_timeout_s=20.0)


class FakeEnvironments:
    """Grants a lease at once; `gate` holds it back, `error` refuses it."""

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.gate: asyncio.Event | None = None
        self.error: Exception | None = None

    async def ensure(
        self, spec: EnvironmentSpec, on_progress: OnProgress, owner: Owner = NOBODY
    ) -> EnvironmentLease:
        on_progress(Progress(Phase.READY, message="ready"))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.journal.append("lease")
        return EnvironmentLease(
            "key", Path("/nowhere"), on_release=lambda: self.journal.append("release")
        )


class FakeWorker:
    """A worker that lives in the test's own loop and speaks over the real socket."""

    def __init__(self, pid: int, journal: list[str]) -> None:
        self.pid = pid
        self.journal = journal
        self.frames: list[Frame] = []
        self.leaves_when_asked = True
        self.holder_pid = os.getpid()
        self.is_kept = False
        self._news = asyncio.Condition()
        self._ended: asyncio.Future[ExitReport] = asyncio.get_running_loop().create_future()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def come(self, spec: LaunchSpec) -> None:
        """Connect back with the ticket, as a worker does."""
        await self._connect(spec.address, spec.ticket)

    async def _connect(self, address: str, ticket: str) -> None:
        reader, self._writer = await asyncio.open_unix_connection(address.split(":", 1)[1])
        self.say("hello", {"ticket": ticket, "protocol": 1, "python": "3", "pid": self.pid})
        self._reading = asyncio.create_task(self._read(reader))

    async def comes_back(self, address_file: Path, secret: str) -> None:
        """Connect to the next engine as soon as that has written its address."""
        if self._reading is not None:
            await self._reading
        async with asyncio.timeout(20):
            while not address_file.exists():
                await asyncio.to_thread(os.sched_yield)
        self.frames.clear()
        await self._connect(address_file.read_text(), secret)

    def say(self, kind: str, payload: Any, *, sender: str = "", to: str = "") -> None:
        assert self._writer is not None
        body = json.dumps(payload).encode()
        self._writer.writelines(encode_frame(Frame(to, sender, kind, body)))

    def say_frame(self, frame: Frame) -> None:
        assert self._writer is not None
        self._writer.writelines(encode_frame(frame))

    async def hears(self, kind: str, times: int = 1, **wanted: Any) -> Any:
        """Return the payload of the first (or a later) frame of that kind with these values."""

        def find() -> Any:
            found = (json.loads(bytes(entry.body)) for entry in self.frames if entry.kind == kind)
            fitting = [
                payload
                for payload in found
                if all(payload.get(key) == value for key, value in wanted.items())
            ]
            return fitting[times - 1] if len(fitting) >= times else None

        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: find() is not None)
        return find()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        decoder = FrameDecoder(max_frame_bytes=1 << 20)
        while data := await reader.read(65536):
            async with self._news:
                self.frames.extend(decoder.feed(data))
                self._news.notify_all()
            if self.leaves_when_asked and any(frame.kind == "shutdown" for frame in self.frames):
                self.end(0)

    def end(self, exit_code: int | None, signal: str | None = None) -> None:
        if not self._ended.done():
            words = f"exited with code {exit_code}" if signal is None else f"killed by {signal}"
            self._ended.set_result(ExitReport(self.pid, exit_code, signal, words, 0, 0.0))
        if self._writer is not None:
            self._writer.close()

    def keep(self) -> None:
        self.is_kept = True

    async def leave(self) -> None:
        self.journal.append("leave")
        if self._writer is not None:
            self._writer.close()

    async def wait(self) -> ExitReport:
        return await asyncio.shield(self._ended)

    async def stop(self, ladder: Ladder) -> ExitReport:
        self.journal.append("stop")
        self.end(None, "SIGTERM")
        if self._reading is not None:
            await self._reading
        return await self._ended


class FakeProvisioner:
    """Launches fake workers; `comes` says whether they connect back."""

    name = "fake"

    def __init__(self, journal: list[str]) -> None:
        self.journal = journal
        self.comes = True
        self.next_pid: int | None = None
        self.workers: list[FakeWorker] = []
        self.specs: list[LaunchSpec] = []
        self.launched = asyncio.Event()

    async def launch(self, spec: LaunchSpec, on_output: Callable[[Any, bytes], None]) -> FakeWorker:
        worker = FakeWorker(self.next_pid or 40_000 + len(self.workers), self.journal)
        self.journal.append("launch")
        self.workers.append(worker)
        self.specs.append(spec)
        on_output("stdout", b"launched\n")
        self.launched.set()
        if self.comes:
            await worker.come(spec)
        return worker

    async def find(
        self, directory: Path, identity: str, on_output: Callable[[Any, bytes], None]
    ) -> FakeWorker | None:
        return self.workers[-1] if self.workers else None


class Stage:
    """All of it, ready to run plugins on."""

    def __init__(self, listener: WorkerListener, limits: Limits = LIMITS) -> None:
        self.journal: list[str] = []
        self._cuts = 0
        self.environments = FakeEnvironments(self.journal)
        self.provisioner = FakeProvisioner(self.journal)
        self.tools = Tools(
            environments=self.environments,
            provisioner=self.provisioner,
            listener=listener,
            worker=Path("/nowhere/worker.pyz"),
            engine_url=lambda: "http://127.0.0.1:9527",
            limits=limits,
        )

    def use(self, **tools: Any) -> None:
        """Have other tools for the plugins that come."""
        self.tools = replace(self.tools, **tools)

    def worker_frames(self, frame: Frame) -> None:
        """Let the worker send a frame, a big one in chunks."""
        self._cuts += 1
        for piece in cut(frame, self._cuts) if is_big(frame) else [frame]:
            self.worker.say_frame(piece)

    @property
    def worker(self) -> FakeWorker:
        return self.provisioner.workers[-1]


def config(**fields: Any) -> Mapping[str, Any]:
    return {"name": "P", "type": "native-python", **fields}
