from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path

import pytest

from imjoy_engine.environments import (
    EnvironmentLease,
    EnvironmentSpec,
    EnvironmentStore,
    Phase,
    Progress,
)
from imjoy_engine.environments.filelock import FileLock
from imjoy_engine.errors import (
    DiskFullError,
    EnvironmentBuildError,
    IndexUnreachableError,
    MachineError,
    NoSuchPackageError,
)
from support.builders import FakeBuilder
from support.clock import FakeClock

SPEC = EnvironmentSpec(pip=("numpy",))


@pytest.fixture
async def builder() -> FakeBuilder:
    return FakeBuilder(numpy="2.4.6", scipy="1.17.1")


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root, builder) -> EnvironmentStore:
    return EnvironmentStore(root, builder, FakeClock())


class Request:
    """One caller of `ensure`, with what it was told."""

    def __init__(self, store: EnvironmentStore, spec: EnvironmentSpec = SPEC) -> None:
        self.told: list[Progress] = []
        self.task = asyncio.create_task(store.ensure(spec, self.told.append))

    @property
    def phases(self) -> list[Phase]:
        return [progress.phase for progress in self.told]

    async def key(self) -> str:
        """Return the key of the environment, given back at once."""
        with await self.task as lease:
            return lease.key


def prefixes(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "envs").iterdir())


async def test_the_first_builds_and_the_second_finds(store, builder, root):
    first = Request(store)
    lease = await first.task
    assert lease.prefix == root / "envs" / lease.key
    assert lease.python.exists()
    assert [(package.name, package.version) for package in lease.packages] == [("numpy", "2.4.6")]
    assert first.phases == [Phase.RESOLVE, Phase.LINK, Phase.READY]

    second = Request(store)
    assert await second.key() == lease.key
    assert second.phases == [Phase.READY]
    assert (builder.resolved, builder.built) == (1, 1)
    lease.release()


async def test_another_engine_finds_it_too(store, builder, root):
    key = await Request(store).key()

    assert await Request(EnvironmentStore(root, builder)).key() == key
    assert (builder.resolved, builder.built) == (1, 1)


async def test_no_requirements_are_an_environment_too(store):
    with await store.ensure(EnvironmentSpec(), print) as lease:
        assert lease.packages == ()


async def test_two_wishes_with_one_lock_share_the_environment(store, builder):
    pinned = EnvironmentSpec(pip=("numpy==2.4.6",))

    assert await Request(store).key() == await Request(store, pinned).key()
    assert (builder.resolved, builder.built) == (2, 1)


async def test_all_who_want_the_same_share_one_build(store, builder):
    builder.gate.clear()
    pinned = EnvironmentSpec(pip=("numpy==2.4.6",))
    first = Request(store)
    await builder.building.wait()
    others = [Request(store), Request(store, pinned)]
    async with asyncio.timeout(10):
        while not all(Phase.LINK in request.phases for request in others):
            await asyncio.wait((others[0].task,), timeout=0.01)
    builder.gate.set()

    keys = {await request.key() for request in [first, *others]}

    assert len(keys) == 1
    assert builder.built == 1
    assert all(request.phases[-1] == Phase.READY for request in others)


async def test_a_lease_keeps_others_from_removing_it(store, root):
    lease = await Request(store).task
    lock_path = root / "locks" / f"{lease.key}.lock"

    assert FileLock.exclusive(lock_path) is None

    lease.release()
    lock = FileLock.exclusive(lock_path)
    assert lock
    lock.release()


async def test_a_failed_build_leaves_nothing_and_may_be_tried_again(store, builder, root):
    builder.failure = EnvironmentBuildError("no")
    with pytest.raises(EnvironmentBuildError, match="no"):
        await Request(store).task
    assert prefixes(root) == []
    assert list((root / "tmp").iterdir()) == []

    builder.failure = None
    assert await Request(store).key() in prefixes(root)


async def test_an_unknown_package_is_told_with_its_log(store, root):
    with pytest.raises(NoSuchPackageError) as caught:
        await Request(store, EnvironmentSpec(pip=("nope",))).task

    assert "$ fake resolve nope" in caught.value.log_tail
    (log,) = (root / "log").iterdir()
    assert log.read_text() == "$ fake resolve nope\n"


async def test_all_who_wait_hear_of_a_failure(store, builder):
    builder.gate.clear()
    builder.failure = EnvironmentBuildError("no")
    requests = [Request(store) for _ in range(3)]
    await builder.building.wait()
    builder.gate.set()

    results = await asyncio.gather(*(each.task for each in requests), return_exceptions=True)

    assert [type(result) for result in results] == [EnvironmentBuildError] * 3


async def test_when_the_last_leaves_the_build_ends_without_a_trace(store, builder, root):
    builder.gate.clear()
    first, second = Request(store), Request(store)
    await builder.building.wait()
    async with asyncio.timeout(10):
        while Phase.LINK not in second.phases:
            await asyncio.wait((second.task,), timeout=0.01)

    first.task.cancel()
    await asyncio.wait((first.task,))
    assert builder.cancelled == 0

    second.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second.task
    assert builder.cancelled == 1
    assert prefixes(root) == []
    assert list((root / "tmp").iterdir()) == []

    builder.gate.set()
    assert await Request(store).key() in prefixes(root)


async def test_what_a_killed_builder_left_is_built_again(store, builder, root):
    key = await Request(store).key()
    (root / "envs" / key / ".imjoy-env.json").unlink()
    rubbish = root / "envs" / key / "half"
    rubbish.touch()

    assert await Request(store).key() == key

    assert builder.built == 2
    assert not rubbish.exists()


async def test_a_vanished_interpreter_is_built_again(store, builder, root):
    key = await Request(store).key()
    (root / "envs" / key / "bin" / "python").unlink()

    await Request(store).key()

    assert builder.built == 2


async def test_a_wish_stays_with_its_versions(store, builder, root):
    key = await Request(store).key()
    builder.versions["numpy"] = "3.0"

    assert await Request(store).key() == key
    assert builder.resolved == 1


async def test_versions_that_left_the_index_are_chosen_anew(store, builder, root):
    key = await Request(store).key()
    (root / "envs" / key / ".imjoy-env.json").unlink()
    builder.versions["numpy"] = "3.0"

    assert await Request(store).key() != key
    assert builder.resolved == 2


@pytest.mark.parametrize(
    ("failure", "resolved"),
    [(IndexUnreachableError("no network"), 1), (EnvironmentBuildError("broken"), 2)],
)
async def test_only_a_package_at_fault_is_reason_to_choose_anew(
    store, builder, root, failure, resolved
):
    key = await Request(store).key()
    (root / "envs" / key / ".imjoy-env.json").unlink()
    builder.failure = failure

    with pytest.raises(type(failure)):
        await Request(store).task

    assert builder.resolved == resolved


async def test_a_build_elsewhere_is_waited_for(root, builder):
    clock = FakeClock()
    store = EnvironmentStore(root, builder, clock)
    key = await Request(store).key()
    (root / "envs" / key / ".imjoy-env.json").unlink()
    elsewhere = FileLock.exclusive(root / "locks" / f"{key}.lock")
    assert elsewhere

    request = Request(store)
    await clock.slept.wait()
    assert request.phases == [Phase.QUEUED]
    clock.slept.clear()
    clock.advance(1)
    await clock.slept.wait()
    elsewhere.release()
    clock.advance(1)

    assert await request.key() == key
    assert builder.built == 2


async def test_a_full_disk_is_told_as_such(store, builder, root):
    builder.failure = OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFullError) as caught:
        await Request(store).task

    assert caught.value.hint
    assert prefixes(root) == []


async def test_a_store_that_cannot_be_used_is_told_as_such(builder, root):
    root.write_text("a file, not a folder")

    with pytest.raises(MachineError, match="store of environments cannot be used"):
        await Request(EnvironmentStore(root, builder)).task


async def test_the_manifest_says_what_is_inside(store, root):
    key = await Request(store).key()

    manifest = json.loads((root / "manifests" / f"{key}.json").read_text())

    assert manifest["packages"] == [["numpy", "2.4.6"]]
    assert manifest["lock"] == "numpy==2.4.6\n"
    assert (manifest["key"], manifest["builder"]) == (key, "fake")


async def test_a_cancelled_taker_gives_the_lease_back(store, root):
    key = await Request(store).key()

    for _ in range(20):
        late = Request(store)
        await asyncio.wait((late.task,), timeout=0)
        late.task.cancel()
        await asyncio.wait((late.task,))
        if not late.task.cancelled():
            lease: EnvironmentLease = late.task.result()
            lease.release()

    lock = FileLock.exclusive(root / "locks" / f"{key}.lock")
    assert lock
    lock.release()


async def test_who_only_looks_at_an_environment_keeps_nobody_from_it(root, builder):
    clock = FakeClock()
    store = EnvironmentStore(root, builder, clock)
    key = await Request(store).key()
    looking = FileLock.exclusive(root / "locks" / f"{key}.lock")
    leasing = asyncio.create_task(store.leased(key))
    await clock.slept.wait()

    looking.release()
    clock.advance(1)

    with await leasing as lease:
        assert lease.key == key


async def test_a_tool_begins_once_nothing_is_being_taken_away(root, builder):
    clock = FakeClock()
    store = EnvironmentStore(root, builder, clock)
    (root / "locks").mkdir(parents=True)
    tidying = FileLock.exclusive(root / "locks" / "at-work")
    request = Request(store)
    await clock.slept.wait()
    assert builder.resolved == 0

    tidying.release()
    clock.advance(1)

    assert await request.key()
    # Nobody is at work any more.
    FileLock.exclusive(root / "locks" / "at-work").release()
