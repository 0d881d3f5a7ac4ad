"""Subjects in processes of their own, as the runner sees them (the other end: `driver.py`)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import Wish, interpreter
from benchmarks.rounds import Figures, SubjectFailedError

ROOT = Path(__file__).parents[1]
LOGS = Path(__file__).parent / "out" / "logs"
START_S = 300.0
ANSWER_S = 30.0
STOP_S = 30.0
LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Subject:
    """What to start: a module of `subjects`, its opener with options, and what it needs.

    Without an `environment` it runs in the interpreter of the benchmarks themselves. With one that
    `is_apart` its client does so, too, and is told of the other interpreter as `python`.
    """

    name: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Wish | None = None
    opener: str = "opened"
    is_apart: bool = False


class Running:
    """A subject that can be asked; one that fails is started anew for the next question.

    One that cannot even be started is not tried again.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._child: asyncio.subprocess.Process | None = None
        self._refusal: str | None = None

    async def ready(self) -> None:
        """Return when it is there, or cannot be: then every question fails."""
        if self._child is None and self._refusal is None:
            try:
                self._child = await self._started()
            except SubjectFailedError as error:
                self._refusal = str(error)

    async def ask(
        self, workload: str, arguments: Mapping[str, Any], within_s: float = ANSWER_S
    ) -> Figures:
        """Return the figures of a workload. Raises SubjectFailedError."""
        await self.ready()
        if self._refusal is not None:
            raise SubjectFailedError(self._refusal)
        assert self._child is not None
        request = json.dumps({"workload": workload, "arguments": arguments})
        try:
            self._child.stdin.write(request.encode() + b"\n")
            answer = await self._answer(within_s)
        except (SubjectFailedError, OSError) as error:
            await self.stop()
            raise SubjectFailedError(str(error)) from error
        if "refusal" in answer:
            raise SubjectFailedError(answer["refusal"])
        return answer["figures"]

    async def _started(self) -> asyncio.subprocess.Process:
        subject = self._subject
        python, options = sys.executable, dict(subject.options)
        if subject.environment is not None:
            installed = await interpreter(subject.environment)
            if subject.is_apart:
                options["python"] = installed
            else:
                python = installed
        LOGS.mkdir(parents=True, exist_ok=True)
        with (LOGS / f"{subject.name}.log".replace(" ", "-")).open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(python, "-m", "benchmarks.driver", subject.module, subject.opener),
                json.dumps(options),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES,
                cwd=ROOT,
            )
        try:
            await self._answer(START_S)
        except SubjectFailedError:
            await self.stop()
            raise
        return self._child

    async def _answer(self, within_s: float) -> dict[str, Any]:
        assert self._child is not None
        try:
            async with asyncio.timeout(within_s):
                line = await self._child.stdout.readline()
        except TimeoutError:
            raise SubjectFailedError(f"no answer within {within_s:g} s") from None
        if not line:
            raise SubjectFailedError(f"its process ended; see {LOGS.name}/{self._subject.name}.log")
        answer = json.loads(line)
        if "error" in answer:
            raise SubjectFailedError(answer["error"])
        return answer

    async def stop(self) -> None:
        """Return when its process has ended; it is asked first."""
        child, self._child = self._child, None
        if child is None:
            return
        child.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


class Started:
    """The subjects that a run needs, each started once and kept for all of its workloads."""

    def __init__(self, *, with_others: bool) -> None:
        self.with_others = with_others
        self._running: dict[tuple[str, str], Running] = {}

    def __getitem__(self, subject: Subject) -> Running:
        return self._running.setdefault((subject.name, subject.opener), Running(subject))

    async def stop(self) -> None:
        """End all of them; those that are wanted later start anew."""
        await asyncio.gather(*(each.stop() for each in self._running.values()))
        self._running.clear()
