"""Runs: calls with a name that any client of the workspace can find, follow and wait for.

Who calls a function may mark the call as a run (frame header `run: {id, name}`). The worker then
marks the frame that answers it (`run: {id, state}`), which is kept here, unread, beside being
delivered; so the result outlives the page that asked for it, and the engine. What the plugin says
of its progress meanwhile comes in frames of kind "run" to the engine itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from imjoy_engine.clock import Clock
from imjoy_engine.config import Limits
from imjoy_engine.errors import NotFoundError
from imjoy_engine.plugins import PluginInstance
from imjoy_engine.session.run_answers import RunAnswers
from imjoy_engine.session.run_files import RunFiles
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

__all__ = ["Run", "Runs"]

_LOG = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of one run; times are seconds since the epoch."""

    id: str
    workspace: str
    plugin: str
    tag: str
    instance: str
    name: str
    state: str = "running"
    """running, done, failed (the plugin raised an error, or ended), cancelled (nobody wanted it any
    more) or lost (with the engine)."""
    started: float = 0.0
    ended: float | None = None
    progress: float | None = None
    status: str = ""
    size_bytes: int | None = None
    """Of the kept result; None when there is none, or it was too big to keep."""
    error: dict[str, Any] | None = None
    """Why it failed: what it raised, in one sentence (the result has the rest), or how the plugin
    ended."""
    unwanted: bool = False
    """Whether it was cancelled. While it is running all the same, its function has not ended: one
    that computes in a thread ends when it looks up, or with the plugin."""

    @property
    def is_over(self) -> bool:
        """Return whether nothing more will come of it."""
        return self.state != "running"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


class Runs:
    """All runs of one engine; `on_change` is told of each change."""

    def __init__(self, files: RunFiles, clock: Clock, limits: Limits) -> None:
        self._files = files
        self._clock = clock
        self._limits = limits
        self._runs: dict[str, Run] = {}
        self._waiting: dict[str, list[asyncio.Future[Run]]] = {}
        self._answers = RunAnswers(limits.max_message_bytes)
        self._to_write: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
        self._unwritten = 0
        self._writer: asyncio.Task[None] | None = None
        self.on_change: Callable[[Run], None] = lambda run: None

    # ── their life ───────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Find the runs of earlier engines; those that were under way are lost with theirs."""
        known = await asyncio.to_thread(lambda: list(self._files.all()))
        names = {field.name for field in fields(Run)}
        for record in known:
            run = Run(**{key: value for key, value in record.items() if key in names})
            self._runs[run.id] = run
            if not run.is_over:
                why = {"code": "engine-gone", "message": "The engine ended before the run did."}
                self._change(replace(run, state="lost", ended=self._clock.now(), error=why))
        self._collect()

    def written(self) -> asyncio.Future[None] | None:
        """Return what is done when all that is known by now is on disk; None when it is."""
        if not self._unwritten:
            return None
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._write(lambda: loop.call_soon_threadsafe(done.set_result, None))
        return done

    async def close(self) -> None:
        """Return when everything is on disk."""
        await self._to_write.join()
        if self._writer is not None:
            self._writer.cancel()

    def asked(self, frame: Frame, instance: PluginInstance) -> None:
        """Begin a run, for a frame to a plugin that is marked as one.

        A mark without an id of letters, digits, "_" and "-", or with one that is there already, is
        passed over: the call is then no run.
        """
        mark = frame.extra.get(RUN)
        if not isinstance(mark, dict):
            return
        run_id = mark.get("id")
        if not isinstance(run_id, str) or not _ID.fullmatch(run_id) or run_id in self._runs:
            _LOG.warning("A call is marked as a run with the id %r, which cannot be used.", run_id)
            return
        manifest = instance.manifest
        name = str(mark.get("name") or "")[:_MAX_TEXT]
        self._change(
            Run(
                run_id,
                instance.workspace,
                manifest.name,
                manifest.tag,
                instance.id,
                name,
                started=self._clock.now(),
            )
        )

    def heard(self, frame: Frame, instance: PluginInstance) -> bool:
        """Take note of a frame of a worker; return whether it belongs to a run."""
        if frame.kind == RUN and not frame.to:
            self._progressed(frame, instance)
            return True
        if not frame.extra:
            return False
        belongs, answers = self._answers.feed(frame)
        for answer in answers:
            self._answered(answer, instance)
        return belongs

    def instance_found(self, instance: PluginInstance) -> None:
        """Let the runs of a plugin that outlived its engine be under way again."""
        for run in list(self._runs.values()):
            if run.instance == instance.id and run.state == "lost":
                self._change(replace(run, state="running", ended=None, error=None))

    def instance_ended(self, instance: PluginInstance) -> None:
        """Fail the runs of a plugin that has ended."""
        self._answers.forget(instance.peer_id)
        reason = instance.gone_reason()
        for run in self._of(instance):
            self._change(replace(run, state="failed", ended=self._clock.now(), error=reason))

    def _progressed(self, frame: Frame, instance: PluginInstance) -> None:
        try:
            said = json.loads(bytes(frame.body))
        except ValueError:
            return
        run = self._runs.get(str(said.get("id"))) if isinstance(said, dict) else None
        if run is None or run.instance != instance.id or run.is_over:
            return
        progress, status = said.get("progress"), said.get("status")
        if isinstance(progress, int | float) and not isinstance(progress, bool):
            run = replace(run, progress=float(progress))
        if isinstance(status, str):
            run = replace(run, status=status[:_MAX_TEXT])
        self._runs[run.id] = run
        if said.get("unwanted") is True and not run.unwanted:
            self.unwanted(run)
            return
        self.on_change(run)

    def _answered(self, answer: Frame, instance: PluginInstance) -> None:
        mark = answer.extra[RUN]
        run = self._runs.get(str(mark.get("id")))
        # One that is lost was under way when its engine ended, and its plugin went on.
        if run is None or run.instance != instance.id or run.state not in ("running", "lost"):
            return
        said = mark.get("state")
        state = said if said in ("done", "cancelled") else "failed"
        size = answer.payload_bytes
        kept = size <= self._limits.run_result_bytes
        if kept:
            self._write(lambda: self._files.write_result(run.workspace, run.id, answer))
        ended = replace(
            run,
            state=state,
            ended=self._clock.now(),
            size_bytes=size if kept else None,
            error=_raised(mark.get("error")) if state == "failed" else None,
        )
        self._change(ended)
        self._collect()

    # ── who asks ─────────────────────────────────────────────────────────────────────────────

    def of_workspace(self, workspace: str) -> list[Run]:
        """Return the runs of a workspace, oldest first."""
        return [run for run in self._runs.values() if run.workspace == workspace]

    def under_way(self) -> Mapping[str, int]:
        """Return how many runs each instance has under way, by its id."""
        return Counter(run.instance for run in self._runs.values() if not run.is_over)

    def find(self, run_id: object, workspace: str) -> Run:
        """Return a run of the workspace. Raises NotFoundError."""
        run = self._runs.get(run_id) if isinstance(run_id, str) else None
        if run is None or run.workspace != workspace:
            raise NotFoundError(
                f"There is no run {str(run_id)[:80]!r} in this workspace.",
                hint="It may be so old that it was forgotten: see the list of runs.",
            )
        return run

    def unwanted(self, run: Run) -> Run:
        """Take note that somebody has cancelled a run that is under way; return it as it is now."""
        if not run.unwanted:
            self._change(replace(run, unwanted=True))
        return self._runs[run.id]

    async def wait(self, run_id: object, workspace: str) -> Run:
        """Return a run when it is over. Raises NotFoundError."""
        run = self.find(run_id, workspace)
        if run.is_over:
            return run
        future: asyncio.Future[Run] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run.id, []).append(future)
        try:
            return await future
        finally:
            if future in (waiting := self._waiting.get(run.id, [])):
                waiting.remove(future)

    async def result(self, run: Run) -> Frame | None:
        """Return the frame that answered the run, None when there is none that was kept."""
        await self._to_write.join()
        return await asyncio.to_thread(self._files.result, run.workspace, run.id)

    # ── keeping ──────────────────────────────────────────────────────────────────────────────

    def _of(self, instance: PluginInstance) -> list[Run]:
        return [
            run for run in self._runs.values() if run.instance == instance.id and not run.is_over
        ]

    def _change(self, run: Run) -> None:
        self._runs[run.id] = run
        self._write(lambda: self._files.write(run.workspace, run.id, run.as_dict()))
        self.on_change(run)
        if run.is_over:
            for future in self._waiting.pop(run.id, []):
                if not future.done():
                    future.set_result(run)

    def _collect(self) -> None:
        """Forget the oldest runs that are over, as long as there are too many or too big."""
        over = sorted(
            (run for run in self._runs.values() if run.is_over), key=lambda run: run.ended or 0.0
        )
        count, size = len(over), sum(run.size_bytes or 0 for run in over)
        horizon = self._clock.now() - self._limits.run_kept_s
        for run in over[:-1]:
            is_old = (run.ended or 0.0) < horizon
            too_many = count > self._limits.max_runs_kept
            if not (is_old or too_many or size > self._limits.runs_bytes):
                return
            count -= 1
            size -= run.size_bytes or 0
            del self._runs[run.id]
            self._write(lambda run=run: self._files.remove(run.workspace, run.id))  # type: ignore[misc]

    def _write(self, work: Callable[[], Any]) -> None:
        """Have it done in a thread, after what was to be written before."""
        self._unwritten += 1
        self._to_write.put_nowait(work)
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write_on())

    async def _write_on(self) -> None:
        while True:
            work = await self._to_write.get()
            try:
                await asyncio.to_thread(work)
            except OSError as error:
                _LOG.warning("A run could not be kept: %s", error)
            finally:
                self._unwritten -= 1
                self._to_write.task_done()


def _raised(words: object) -> dict[str, Any] | None:
    return {"code": "raised", "message": words[:_MAX_TEXT]} if isinstance(words, str) else None
