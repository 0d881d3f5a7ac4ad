"""Subjects in processes of their own, as the runner sees them (the other end: `driver.py`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import interpreter
from benchmarks.rounds import SubjectFailedError

ROOT = Path(__file__).parents[1]
LOGS = Path(__file__).parent / "out" / "logs"
START_S = 300.0
ANSWER_S = 120.0
STOP_S = 30.0
LINE_BYTES = 1 << 20


@dataclass(frozen=True)
class Subject:
    """What to start: a module of `subjects`, its options, and the packages it needs if any.

    Without `requirements` it runs in the interpreter of the benchmarks themselves.
    """

    name: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


class Running:
    """A subject that can be asked; one that fails is started anew for the next question."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._child: asyncio.subprocess.Process | None = None

    async def ask(self, workload: str, arguments: Mapping[str, Any]) -> dict[str, float]:
        """Return the figures of a workload. Raises SubjectFailedError."""
        if self._child is None:
            self._child = await self._started()
        request = json.dumps({"workload": workload, "arguments": arguments})
        try:
            self._child.stdin.write(request.encode() + b"\n")
            return (await self._answer(ANSWER_S))["figures"]
        except (SubjectFailedError, OSError) as error:
            await self.stop()
            raise SubjectFailedError(str(error)) from error

    async def _started(self) -> asyncio.subprocess.Process:
        subject = self._subject
        python = sys.executable
        if subject.requirements:
            python = await interpreter(subject.module, subject.requirements)
        LOGS.mkdir(parents=True, exist_ok=True)
        with (LOGS / f"{subject.name}.log".replace(" ", "-")).open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *(python, "-m", "benchmarks.driver", subject.module),
                json.dumps(dict(subject.options)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                limit=LINE_BYTES,
                cwd=ROOT,
                env={**os.environ, **subject.variables},
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


@asynccontextmanager
async def running(subjects: list[Subject]) -> AsyncIterator[dict[str, Running]]:
    """Give subjects that start when they are first asked, and end with the block."""
    started = {subject.name: Running(subject) for subject in subjects}
    try:
        yield started
    finally:
        for each in started.values():
            await each.stop()
