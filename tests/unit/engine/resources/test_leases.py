from __future__ import annotations

import asyncio
import os

import pytest

from imjoy_engine.resources import GpuLeases, GpuWish, NoGpuError
from support.clock import FakeClock
from support.gpus import GIB, FakeProbe, gpu


class Plugin:
    """Somebody who wants a lease, and what he is told meanwhile."""

    def __init__(self, leases, name, **wish):
        self.places = []
        self.told = asyncio.Event()
        self.lease = asyncio.ensure_future(leases.acquire(name, GpuWish(**wish), self.hear))

    def hear(self, place):
        self.places.append((place.position, place.length))
        self.reason = place.reason
        self.told.set()

    async def waits_at(self, *place):
        async with asyncio.timeout(20):
            while not self.places or self.places[-1] != place:
                self.told.clear()
                await self.told.wait()
        assert not self.lease.done()

    async def gets(self):
        return await asyncio.wait_for(self.lease, 20)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
async def leases(clock):
    leases = GpuLeases(FakeProbe(gpu(0), gpu(1)), clock)
    yield leases
    await leases.close()


async def test_two_plugins_never_get_the_same_card(leases):
    first, second = Plugin(leases, "A"), Plugin(leases, "B")
    one, two = await first.gets(), await second.gets()
    assert (one.uuids, two.uuids) == (("GPU-0",), ("GPU-1",))
    assert one.variables == {"CUDA_VISIBLE_DEVICES": "GPU-0"}
    assert leases.holders() == {"GPU-0": ["A"], "GPU-1": ["B"]}
    assert first.places == second.places == []


async def test_the_queue_moves_on_when_a_card_comes_back(leases):
    held = [await Plugin(leases, name).gets() for name in "AB"]
    third, fourth = Plugin(leases, "C"), Plugin(leases, "D")
    await third.waits_at(1, 2)
    await fourth.waits_at(2, 2)
    assert third.reason == "GPU 0 is held by A; GPU 1 is held by B"
    held[1].release()
    assert (await third.gets()).uuids == ("GPU-1",)
    await fourth.waits_at(1, 1)
    held[0].release()
    held[0].release()
    assert (await fourth.gets()).uuids == ("GPU-0",)
    assert leases.waiting == 0


async def test_who_leaves_the_queue_lets_the_next_one_up(leases):
    held = await Plugin(leases, "A", count=2).gets()
    second, third = Plugin(leases, "B", count=2), Plugin(leases, "C")
    await third.waits_at(2, 2)
    second.lease.cancel()
    await third.waits_at(1, 1)
    held.release()
    assert (await third.gets()).uuids == ("GPU-0",)


async def test_nobody_is_passed_by_one_who_wants_less(leases):
    held = await Plugin(leases, "A").gets()
    big, small = Plugin(leases, "Big", count=2), Plugin(leases, "Small")
    await small.waits_at(2, 2)
    assert "GPU 1 is for a plugin that came earlier" in small.reason
    held.release()
    assert (await big.gets()).uuids == ("GPU-0", "GPU-1")
    (await big.gets()).release()
    assert (await small.gets()).uuids == ("GPU-0",)


async def test_a_card_that_an_earlier_one_cannot_use_is_free_for_a_later_one(leases):
    await Plugin(leases, "A").gets()
    picky = Plugin(leases, "B", uuids=("GPU-0",))
    await picky.waits_at(1, 1)
    assert (await Plugin(leases, "C").gets()).uuids == ("GPU-1",)


async def test_a_cancelled_wish_that_was_just_granted_gives_the_card_back(leases):
    plugin = Plugin(leases, "A", count=2)
    async with asyncio.timeout(20):
        while not leases.holders():
            await asyncio.wait([plugin.lease], timeout=0)
    plugin.lease.cancel()
    await asyncio.wait([plugin.lease])
    if plugin.lease.cancelled():
        assert leases.holders() == {}
    else:
        (await plugin.gets()).release()
    assert leases.holders() == {}


async def test_others_who_leave_a_card_are_noticed_by_looking_again(clock):
    probe = FakeProbe(gpu(0, utilisation=0.9))
    leases = GpuLeases(probe, clock)
    plugin = Plugin(leases, "A", max_load=0.5)
    await plugin.waits_at(1, 1)
    await asyncio.wait_for(clock.slept.wait(), 20)
    probe.gpus = (gpu(0),)
    clock.advance(5)
    assert (await plugin.gets()).uuids == ("GPU-0",)
    await leases.close()


async def test_what_can_never_be_had_is_refused_and_a_preference_is_not(leases):
    with pytest.raises(NoGpuError, match="needs 3 GPUs") as refused:
        await Plugin(leases, "A", count=3).gets()
    assert refused.value.hint
    assert refused.value.fault == "machine"
    lease = await Plugin(leases, "B", count=3, required=False).gets()
    assert lease.uuids == ()
    assert lease.variables == {"CUDA_VISIBLE_DEVICES": ""}
    lease.release()
    assert leases.waiting == 0


async def test_cards_are_shared_only_on_purpose(clock):
    leases = GpuLeases(FakeProbe(gpu(0)), clock)
    shared = [
        await Plugin(leases, name, shared=True, memory_bytes=10 * GIB).gets() for name in "AB"
    ]
    assert [lease.uuids for lease in shared] == [("GPU-0",), ("GPU-0",)]
    third = Plugin(leases, "C", shared=True, memory_bytes=10 * GIB)
    await third.waits_at(1, 1)
    shared[0].release()
    await third.gets()
    await leases.close()


async def test_an_engine_may_share_all_cards(clock):
    leases = GpuLeases(FakeProbe(gpu(0)), clock, share_all=True)
    assert (await Plugin(leases, "A").gets()).uuids == (await Plugin(leases, "B").gets()).uuids
    await leases.close()


async def test_who_asks_for_nothing_does_not_see_what_others_hold(leases):
    assert await leases.unasked() == {}
    held = await Plugin(leases, "A").gets()
    assert await leases.unasked() == {"CUDA_VISIBLE_DEVICES": "GPU-1"}
    held.release()
    assert await leases.unasked() == {}
    strict = GpuLeases(FakeProbe(gpu(0)), on_request=True)
    assert await strict.unasked() == {"CUDA_VISIBLE_DEVICES": ""}


async def test_two_engines_of_a_machine_do_not_give_out_the_same_card(clock, tmp_path):
    first = GpuLeases(FakeProbe(gpu(0), gpu(1)), clock, locks=tmp_path)
    second = GpuLeases(FakeProbe(gpu(0), gpu(1)), clock, locks=tmp_path)
    here = await Plugin(first, "A").gets()
    there = await Plugin(second, "B").gets()
    assert (here.uuids, there.uuids) == (("GPU-0",), ("GPU-1",))
    waiting = Plugin(second, "C")
    await waiting.waits_at(1, 1)
    assert "GPU 0 is held by a plugin of another engine" in waiting.reason
    await asyncio.wait_for(clock.slept.wait(), 20)
    here.release()
    clock.advance(5)
    assert (await waiting.gets()).uuids == ("GPU-0",)
    for lease in (there, await waiting.gets()):
        lease.release()
    await second.close()


async def test_without_its_directory_an_engine_keeps_its_own_book(clock, tmp_path):
    (tmp_path / "file").touch()
    leases = GpuLeases(FakeProbe(gpu(0)), clock, locks=tmp_path / "file")
    assert (await Plugin(leases, "A").gets()).held_fds == ()


async def test_the_lease_of_a_plugin_that_outlived_its_engine_is_taken_over(clock, tmp_path):
    before = GpuLeases(FakeProbe(gpu(0)), clock, locks=tmp_path)
    lease = await Plugin(before, "A", memory_bytes=GIB).gets()
    record = lease.as_record()
    assert record == {
        "uuids": ["GPU-0"],
        "indices": [0],
        "holder": "A",
        "shared": False,
        "memory_bytes": GIB,
    }
    after = GpuLeases(FakeProbe(gpu(0)), clock, locks=tmp_path)
    adopted = after.adopt(record)
    waiting = Plugin(after, "B")
    await waiting.waits_at(1, 1)
    assert waiting.reason == "GPU 0 is held by A"
    # The shim of the plugin's tree goes, and with it the lock.
    for descriptor in lease.held_fds:
        os.close(descriptor)
    adopted.release()
    got = await waiting.gets()
    assert got.uuids == adopted.uuids
    got.release()
    await after.close()
