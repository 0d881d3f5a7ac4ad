from __future__ import annotations

from typing import Any

import pytest

from imjoy_engine.plugins.usage import UsageMeter
from imjoy_engine.processes.usage import TreeUsage
from support.clock import FakeClock


class Machine:
    """Trees as a test makes them up, and how often somebody looked."""

    def __init__(self) -> None:
        self.trees: dict[int, TreeUsage] = {}
        self.looks = 0

    def read(self, pids: Any) -> dict[int, TreeUsage]:
        self.looks += 1
        return {pid: tree for pid, tree in self.trees.items() if pid in pids}


class Plugin:
    def __init__(self, number: int, pid: int | None) -> None:
        self.id = f"i_{number}"
        self.pid = pid
        self.started_s: float | None = None
        self.exit: Any = None


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def meter(machine: Machine, clock: FakeClock) -> UsageMeter:
    return UsageMeter(lambda: {11: 500, 12: 300, 99: 7}, clock, read=machine.read)


async def test_the_share_is_that_since_the_last_look(
    meter: UsageMeter, machine: Machine, clock: FakeClock
) -> None:
    plugins: Any = [Plugin(1, 11), Plugin(2, None)]
    machine.trees[11] = TreeUsage((10, 11, 12), cpu_s=5.0, memory_bytes=1000, age_s=10.0)
    first = await meter.of(plugins)
    assert first["i_1"].as_dict() == {
        "cpu": 0.5,
        "cpu_s": 5.0,
        "memory_bytes": 1000,
        "gpu_memory_bytes": 800,
        "processes": 3,
        "age_s": 10.0,
    }
    assert list(first) == ["i_1"]
    clock.advance(2)
    machine.trees[11] = TreeUsage((10, 11, 12), cpu_s=8.0, memory_bytes=900, age_s=12.0)
    assert (await meter.of(plugins))["i_1"].cpu == 1.5
    clock.advance(1)
    # A child has ended and nobody waited for it: less than before is nothing.
    machine.trees[11] = TreeUsage((10, 11), cpu_s=7.0, memory_bytes=900, age_s=13.0)
    assert (await meter.of(plugins))["i_1"].cpu == 0


async def test_many_who_look_at_once_cost_one_look(
    meter: UsageMeter, machine: Machine, clock: FakeClock
) -> None:
    machine.trees[11] = TreeUsage((11,), 1.0, 1000, 1.0)
    machine.trees[21] = TreeUsage((21,), 1.0, 1000, 1.0)
    first: Any = [Plugin(1, 11)]
    assert await meter.of(first) == await meter.of(first)
    assert machine.looks == 1
    both: Any = [*first, Plugin(2, 21)]
    assert set(await meter.of(both)) == {"i_1", "i_2"}
    assert machine.looks == 2


async def test_what_has_ended_uses_nothing(meter: UsageMeter, clock: FakeClock) -> None:
    ended: Any = Plugin(1, 11)
    ended.exit = {"exit_code": 0}
    assert await meter.of([ended]) == {}


async def test_a_plugin_is_as_old_as_its_start_though_its_interpreter_waited_for_it(
    meter: UsageMeter, machine: Machine, clock: FakeClock
) -> None:
    plugin: Any = Plugin(1, 11)
    plugin.started_s = clock.monotonic()
    clock.advance(3)
    machine.trees[11] = TreeUsage((11,), cpu_s=1.0, memory_bytes=1, age_s=500.0)
    assert (await meter.of([plugin]))["i_1"].age_s == 3
