import asyncio

import pytest

from imjoy_wire.eager import begun


async def test_work_that_need_not_wait_is_done_at_once():
    done = []

    async def work():
        done.append(1)

    assert begun(work()) is None
    assert done == [1]


async def test_an_error_before_the_first_wait_is_raised_at_once():
    async def work():
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        begun(work())


async def test_what_is_left_can_be_awaited():
    gates = [asyncio.Event(), asyncio.Event()]

    async def work():
        for gate in gates:
            await gate.wait()
        return 7

    rest = begun(work())
    assert rest is not None
    for gate in gates:
        gate.set()
    assert await rest == 7


async def test_an_error_reaches_the_work_where_it_waits():
    gate = asyncio.get_running_loop().create_future()
    seen = []

    async def work():
        try:
            await gate
        except OSError as error:
            seen.append(error)
            raise

    rest = begun(work())
    gate.set_exception(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await rest
    assert len(seen) == 1


async def test_cancelling_what_is_left_cancels_the_work():
    seen = []

    async def work():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def finished(rest):
        await rest

    task = asyncio.ensure_future(finished(begun(work())))
    started = asyncio.Event()
    asyncio.get_running_loop().call_soon(started.set)
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]
