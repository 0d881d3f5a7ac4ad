"""Whether a plugin may run the commands of its own that it names for its environment.

A person is asked, with the commands word by word, and the answer yes is remembered for that plugin
and exactly these words. Where nobody can be asked the answer is no, with a way to say yes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imjoy_engine.ids import new_id

__all__ = ["Consents", "Question"]

_LOG = logging.getLogger(__name__)


class Consents:
    """What was allowed, kept in the file at `path`; with `allow_all` everything is."""

    def __init__(
        self, path: Path, *, allow_all: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._allow_all = allow_all
        self._now = now

    def covers(self, plugin: str, commands: Sequence[str]) -> bool:
        """Return whether a person has allowed each of `commands` to that plugin. Blocks."""
        if self._allow_all:
            return True
        known = self._read()
        return all(_key(plugin, command) in known for command in commands)

    def remember(self, plugin: str, commands: Sequence[str]) -> None:
        """Keep that a person has allowed `commands` to that plugin. Blocks."""
        known = self._read()
        for command in commands:
            said = {"plugin": plugin, "command": command, "allowed_s": self._now()}
            known[_key(plugin, command)] = said
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
            fresh.replace(self._path)
        except OSError as error:
            _LOG.warning("What was allowed could not be kept: %s", error)

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(self._path.read_bytes())
            if isinstance(known, dict):
                return known
        return {}


class Question:
    """One question of one plugin, put to all clients that can show it; the first answer counts."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._asked: dict[str, asyncio.Future[bool]] = {}
        self._shown: dict[str, dict[str, Any]] = {}

    async def ask(self, commands: Sequence[str]) -> bool:
        """Return a person's answer; cancelled, the question is withdrawn."""
        question = new_id("q")
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._asked[question] = answer
        self._shown[question] = {"question": question, "commands": list(commands)}
        self._tell("consent", **self._shown[question])
        try:
            return await answer
        finally:
            del self._asked[question], self._shown[question]
            self._tell("consent_settled", question=question)

    def open(self) -> list[dict[str, Any]]:
        """Return what is being asked, for a client that comes later."""
        return list(self._shown.values())

    def answer(self, question: str, *, allow: bool) -> bool:
        """Take an answer; return whether the question was open."""
        waiting = self._asked.get(question)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(allow)
        return True

    def refuse(self) -> None:
        """Answer no to whatever is asked: nobody is left who could see it."""
        for question in list(self._asked):
            self.answer(question, allow=False)


def _key(plugin: str, command: str) -> str:
    return hashlib.sha256(f"{plugin}\0{command}".encode()).hexdigest()
