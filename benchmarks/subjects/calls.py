"""What subjects have in common whose plugins are objects with functions to await."""

from __future__ import annotations

import asyncio
from typing import Any


class Calls:
    """In-flight calls for subjects whose `call` may run many times at once."""

    async def in_flight(self, calls: int, width: int) -> None:
        left = iter(range(calls))

        async def caller() -> None:
            for _ in left:
                await self.call()  # type: ignore[attr-defined]

        await asyncio.gather(*(caller() for _ in range(width)))


class Plugins(Calls):
    """Two plugins with `echo` and `call_back`, and what is asked of them over one connection."""

    def __init__(self, plugin: Any, other: Any, middle_pid: int) -> None:
        self._plugin = plugin
        self._other = other
        self.middle_pid = middle_pid

    async def call(self) -> None:
        if await self._plugin.echo({"x": 1}) != {"x": 1}:
            raise AssertionError("The plugin gave back something else.")

    async def beside(self) -> float | None:
        await self._other.echo({"x": 1})

    async def array(self, array: Any) -> Any:
        return await self._plugin.echo(array)

    async def callbacks(self, count: int) -> None:
        called = 0

        def function(_: int) -> None:
            nonlocal called
            called += 1

        await self._plugin.call_back(function, count)
        if called != count:
            raise AssertionError(f"{called} callbacks came, not {count}.")
