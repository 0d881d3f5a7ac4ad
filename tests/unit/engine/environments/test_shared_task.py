from __future__ import annotations

import asyncio

import pytest

from imjoy_engine.environments import OnProgress, Phase, Progress
from imjoy_engine.environments.shared_task import SharedTasks


class Work:
    """Work that a test lets end, counting its starts and remembering how it was left."""

    def __init__(self) -> None:
        self.started = 0
        self.running = asyncio.Event()
        self.finish: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.cleaned = False
        self.tell: OnProgress = print

    async def __call__(self, tell: OnProgress) -> str:
        self.started += 1
        self.tell = tell
        self.running.set()
        try:
            return await asyncio.shield(self.finish)
        finally:
            await asyncio.wait((asyncio.ensure_future(asyncio.to_thread(int)),))
            self.cleaned = True


@pytest.fixture
def disposed() -> list[str]:
    return []


@pytest.fixture
def tasks(disposed) -> SharedTasks[str]:
    return SharedTasks(disposed.append)


async def join(tasks, work, heard=None) -> str:
    async with tasks.joined("key", work, [].append if heard is None else heard.append) as result:
        return result


async def test_all_share_one_result(tasks, disposed):
    work = Work()
    waiting = [asyncio.create_task(join(tasks, work)) for _ in range(3)]
    await work.running.wait()
    work.finish.set_result("done")

    assert await asyncio.gather(*waiting) == ["done"] * 3
    assert work.started == 1
    assert disposed == ["done"]


async def test_late_comers_hear_where_it_stands(tasks):
    work = Work()
    early: list[Progress] = []
    late: list[Progress] = []
    first = asyncio.create_task(join(tasks, work, early))
    await work.running.wait()
    work.tell(Progress(Phase.RESOLVE))
    work.tell(Progress(Phase.DOWNLOAD, "a"))
    second = asyncio.create_task(join(tasks, work, late))
    await asyncio.wait((second,), timeout=0)
    work.tell(Progress(Phase.LINK))
    work.finish.set_result("done")
    await asyncio.gather(first, second)

    assert [progress.phase for progress in early] == [Phase.RESOLVE, Phase.DOWNLOAD, Phase.LINK]
    assert [progress.phase for progress in late] == [Phase.DOWNLOAD, Phase.LINK]


async def test_a_failure_reaches_all_and_is_forgotten(tasks, disposed):
    work = Work()
    waiting = [asyncio.create_task(join(tasks, work)) for _ in range(2)]
    await work.running.wait()
    work.finish.set_exception(KeyError("no"))

    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(result) for result in results] == [KeyError, KeyError]
    assert disposed == []
    again = Work()
    again.finish.set_result("second try")
    assert await join(tasks, again) == "second try"


async def test_who_leaves_leaves_the_others_their_work(tasks):
    work = Work()
    leaver, stayer = (asyncio.create_task(join(tasks, work)) for _ in range(2))
    await work.running.wait()
    leaver.cancel()
    await asyncio.wait((leaver,))
    assert not work.cleaned

    work.finish.set_result("done")
    assert await stayer == "done"


async def test_the_last_who_leaves_ends_the_work_first(tasks, disposed):
    work = Work()
    only = asyncio.create_task(join(tasks, work))
    await work.running.wait()
    only.cancel()

    with pytest.raises(asyncio.CancelledError):
        await only

    assert work.cleaned
    assert disposed == []
