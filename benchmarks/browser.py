"""The same figures through the real core in Chromium, beside a plain WebSocket there."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.chromium import PageError, chromium
from benchmarks.measure import Measured, Row
from benchmarks.rounds import Found, Round, SubjectFailedError, in_turn
from benchmarks.subjects.engine import PLUGIN, engine
from benchmarks.subjects.floor import MESSAGE, RELAY
from benchmarks.subjects.processes import line_with, process
from benchmarks.system import forget_peak, memory_mb

SCRIPT = Path(__file__).with_name("browser.js")
FLOOR = "plain WebSocket, in Chromium"
ENGINE = "page with the real core, in Chromium"
LONGEST_S = 120.0
CONFIG = {
    **{"type": "native-python", "version": "0.1.0", "api_version": "0.1.8"},
    **{"description": "", "tags": [], "ui": "", "inputs": None, "outputs": None, "flags": []},
    **{"icon": "", "env": "", "requirements": ["numpy"], "dependencies": []},
}
PLUGIN_FILES = [
    f'<config lang="json">\n{json.dumps({"name": name, **CONFIG})}\n</config>\n'
    f'<script lang="python">\n{PLUGIN}\n</script>\n'
    for name in ("A", "B")
]
SMALL = (
    Measured("p50", "small call p50", "ms"),
    Measured("p99", "small call p99", "ms"),
    Measured("rate", "small calls, 1 in flight", "calls/s", lower_is_better=False),
)
BESIDE = (
    Measured("p99", "small call due every 10 ms while 256 MB pass, p99", "ms"),
    Measured("longest", "small call due every 10 ms while 256 MB pass, longest", "ms"),
)
GROWN = Measured("grown", "peak memory between while 256 MB pass, above idle", "MB")


@dataclass(frozen=True)
class Page:
    """A page with a subject in it, and the process before which it sits."""

    page: Any
    middle_pid: int


def _workloads() -> Iterator[tuple[str, tuple[int, ...], tuple[Measured, ...]]]:
    yield "smallCalls", (), SMALL
    yield "inFlight", (), (Measured("rate", "small calls, 64 in flight", "calls/s", False),)
    yield (
        "callbacks",
        (),
        (Measured("rate", "1,000 callbacks inside one call", "callbacks/s", False),),
    )
    for size in (1, 16, 64, 256):
        rate = Measured("rate", f"float32 array of {size} MB there and back", "MB/s", False)
        yield "arrays", (size,), (rate, GROWN) if size == 256 else (rate,)
    for size in (64, 256):
        rate = Measured("rate", f"{size} MB from plugin to plugin and back", "MB/s", False)
        yield "betweenPlugins", (size,), (rate,)
    yield "besideArray", (256,), BESIDE


async def benchmark(rounds: int) -> list[Row]:
    """Return the rows of both pages."""
    async with AsyncExitStack() as stack:
        open_page = await stack.enter_async_context(chromium())
        pages = {
            FLOOR: await _floor(stack, open_page),
            ENGINE: await _engine(stack, open_page),
        }
        idle_mb = {page.middle_pid: memory_mb(page.middle_pid, "VmRSS") for page in pages.values()}
        rows: list[Row] = []
        for workload, arguments, figures in _workloads():
            asked = {
                name: _round(page, workload, arguments, idle_mb[page.middle_pid])
                for name, page in pages.items()
            }
            found = await in_turn(asked, rounds)
            for figure in figures:
                rows += _rows(figure, found)
        return rows


def _rows(figure: Measured, found: dict[str, Found]) -> list[Row]:
    floor, ours = (found[name].median(figure.key) for name in (FLOOR, ENGINE))
    rows = [
        figure.failed(name, found[name].failure or "no figures")
        for name, value in ((FLOOR, floor), (ENGINE, ours))
        if value is None
    ]
    if floor is not None:
        rows.append(figure.shown(FLOOR, floor))
    if ours is not None:
        if floor:
            rows.append(figure.compared(ENGINE, ours, FLOOR, floor))
        else:
            rows.append(figure.shown(ENGINE, ours))
    return rows


def _round(page: Page, workload: str, arguments: tuple[int, ...], idle_mb: float) -> Round:
    async def measure() -> dict[str, float]:
        listed = "".join(f", {argument}" for argument in arguments)
        forget_peak(page.middle_pid)
        try:
            async with asyncio.timeout(LONGEST_S):
                figures = await page.page.evaluate(f"workloads.{workload}(subject{listed})")
        except TimeoutError:
            raise SubjectFailedError(f"no answer within {LONGEST_S:g} s") from None
        except PageError as error:
            raise SubjectFailedError(" ".join(str(error).split())[:200]) from error
        return {**figures, "grown": memory_mb(page.middle_pid, "VmHWM") - idle_mb}

    return measure


async def _floor(stack: AsyncExitStack, open_page: Any) -> Page:
    relay = await stack.enter_async_context(process(str(RELAY), "websocket"))
    port = await line_with(relay, "")
    page = await open_page("about:blank")
    await page.evaluate(SCRIPT.read_text())
    arguments = ", ".join(map(json.dumps, (f"ws://127.0.0.1:{port}/", MESSAGE.decode())))
    await page.evaluate(f"floorSubject({arguments}).then((made) => {{ window.subject = made; }})")
    return Page(page, relay.pid)


async def _engine(stack: AsyncExitStack, open_page: Any) -> Page:
    running = await stack.enter_async_context(engine(stderr=DEVNULL))
    url, _, token = running.url.partition("/#token=")
    # Any address of the engine's own will do; one without its page, which would begin to work.
    page = await open_page(f"{url}/frames/base_frame.html")
    await page.evaluate(SCRIPT.read_text())
    arguments = ", ".join(map(json.dumps, (token, PLUGIN_FILES)))
    await page.evaluate(f"engineSubject({arguments}).then((made) => {{ window.subject = made; }})")
    return Page(page, running.pid)
