"""Clients of these tests talk with a small engine over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.small_engine import SmallEngine


class Exported:
    """What the plugins of these tests export."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def setup(self):
        self.begun.append("setup")

    def resume(self):
        self.begun.append("resume")

    def echo(self, value):
        return value

    def fail(self):
        raise KeyError("no such cell")

    def tell(self, function, times):
        for number in range(times):
            function(number)
        return times

    def counter(self):
        counted = []

        def count():
            counted.append(1)
            return len(counted)

        return {"count": count, "name": "counter"}

    def numbers(self):
        yield from range(3)

    def stop(self, way):
        return f"stopped {way}"

    def update(self, value):
        return f"updated {value}"


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
def engine(exported: Exported) -> Iterator[SmallEngine]:
    with SmallEngine(exported).running() as engine:
        yield engine
