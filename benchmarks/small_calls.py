"""One small call at a time: client → engine → plugin → back, beside the same bytes on the floor."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from benchmarks import peers
from benchmarks.measure import Figure, Round, Row, interleaved, percentile

CALLS = 1000
WARM_UP_CALLS = 50
LONGEST_ROUND_S = 10.0

P50 = Figure("small call p50", "ms")
P99 = Figure("small call p99", "ms")
RATE = Figure("small calls, 1 in flight", "calls/s", lower_is_better=False)

FLOOR = "floor"
SOCKETIO_FLOOR = "Socket.IO floor"
SOCKETIO_TEXT_FLOOR = "Socket.IO floor, as text"
CHANNEL = "engine, data channel"
SOCKETIO = "engine, Socket.IO"

MESSAGE = (
    b'{"to":"worker_1f2e3d4c5b6a7988","from":"client_8899aabbccddeeff","kind":"rpc","sizes":[263]}'
    b'{"type":"method","target_id":"worker_1f2e3d4c5b6a7988","object_id":"_rlocal","name":"echo",'
    b'"args":[{"x":1}],"with_kwargs":false,"promise":[{"_rtype":"callback","_rvalue":"f-1","_rtarget'
    b'_id":"client_8899aabbccddeeff"},{"_rtype":"callback","_rvalue":"f-2","_rtarget_id":"client_"}]}'
)
"""A call of `echo` with {"x": 1}, as large as a client's frame for it."""

COMPARED = ((CHANNEL, FLOOR, 2.0), (SOCKETIO, FLOOR, None), (SOCKETIO, SOCKETIO_FLOOR, 1.3))
"""Who is compared with whom, and how many times as long its calls may take."""


async def benchmark(rounds: int) -> list[Row]:
    """Return p50, p99 and calls per second of the engine and of the floors."""
    async with AsyncExitStack() as stack:
        url, token = await stack.enter_async_context(peers.engine())
        opened = {
            FLOOR: peers.floor(MESSAGE),
            SOCKETIO_FLOOR: peers.socketio_floor(MESSAGE),
            SOCKETIO_TEXT_FLOOR: peers.socketio_floor(MESSAGE, text=True),
            CHANNEL: peers.engine_echo(url, token, data_channel=True),
            SOCKETIO: peers.engine_echo(url, token, data_channel=False),
        }
        calls = {name: await stack.enter_async_context(peer) for name, peer in opened.items()}
        medians = await interleaved({name: _round(call) for name, call in calls.items()}, rounds)
    return [row for figure in (P50, P99, RATE) for row in _rows(figure, medians)]


def _rows(figure: Figure, medians: dict[str, dict[str, float]]) -> list[Row]:
    values = {name: found[figure.key] for name, found in medians.items()}
    rows = [figure.row(name, values[name]) for name in (FLOOR, SOCKETIO_FLOOR, SOCKETIO_TEXT_FLOOR)]
    for name, against, bar in COMPARED:
        limit = bar if figure.lower_is_better else None
        rows.append(figure.compared(name, values[name], against, values[against], limit))
    return rows


def _round(call: peers.Call) -> Round:
    async def measure() -> dict[str, float]:
        for _ in range(WARM_UP_CALLS):
            await call()
        times_s: list[float] = []
        start = time.perf_counter()
        while len(times_s) < CALLS and time.perf_counter() - start < LONGEST_ROUND_S:
            before = time.perf_counter()
            await call()
            times_s.append(time.perf_counter() - before)
        total_s = time.perf_counter() - start
        return {
            P50.key: percentile(times_s, 50) * 1e3,
            P99.key: percentile(times_s, 99) * 1e3,
            RATE.key: len(times_s) / total_s,
        }

    return measure
