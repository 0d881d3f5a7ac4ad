"""The same figures through the real core in Chromium, beside a plain WebSocket there."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.chromium import PageError, chromium
from benchmarks.measure import Row
from benchmarks.rounds import Measured, Round, SubjectFailedError, in_turn
from benchmarks.subjects.engine import PLUGIN
from benchmarks.subjects.floor import MESSAGE, RELAY
from benchmarks.subjects.processes import drained, line_with, process

SCRIPT = Path(__file__).with_name("browser.js")
FLOOR = "plain WebSocket, in Chromium"
ENGINE = "page with the real core, in Chromium"
LONGEST_S = 120.0
CONFIG = {
    **{"name": "A", "type": "native-python", "version": "0.1.0", "api_version": "0.1.8"},
    **{"description": "", "tags": [], "ui": "", "inputs": None, "outputs": None, "flags": []},
    **{"icon": "", "env": "", "requirements": ["numpy"], "dependencies": []},
}
PLUGIN_FILE = (
    f'<config lang="json">\n{json.dumps(CONFIG)}\n</config>\n'
    f'<script lang="python">\n{PLUGIN}\n</script>\n'
)
WORKLOADS: tuple[tuple[str, tuple[int, ...], tuple[Measured, ...]], ...] = (
    (
        "smallCalls",
        (),
        (
            Measured("p50", "small call p50", "ms"),
            Measured("p99", "small call p99", "ms"),
            Measured("rate", "small calls, 1 in flight", "calls/s", lower_is_better=False),
        ),
    ),
    ("inFlight", (), (Measured("rate", "small calls, 64 in flight", "calls/s", False),)),
    ("callbacks", (), (Measured("rate", "1,000 callbacks inside one call", "callbacks/s", False),)),
    *(
        (
            "arrays",
            (size,),
            (Measured("rate", f"float32 array of {size} MB there and back", "MB/s", False),),
        )
        for size in (1, 16, 64, 256)
    ),
)


async def benchmark(rounds: int) -> list[Row]:
    """Return the rows of both pages."""
    async with AsyncExitStack() as stack:
        open_page = await stack.enter_async_context(chromium())
        pages = {
            FLOOR: await _floor(stack, open_page),
            ENGINE: await _engine(stack, open_page),
        }
        rows: list[Row] = []
        for workload, arguments, figures in WORKLOADS:
            asked = {name: _round(page, workload, arguments) for name, page in pages.items()}
            found = await in_turn(asked, rounds)
            for figure in figures:
                floor, engine = (found[name].median(figure.key) for name in (FLOOR, ENGINE))
                for name, value in ((FLOOR, floor), (ENGINE, engine)):
                    if value is None:
                        rows.append(figure.failed(name, found[name].failure or "no figures"))
                if floor is not None:
                    rows.append(figure.shown(FLOOR, floor))
                if floor is not None and engine is not None:
                    rows.append(figure.compared(ENGINE, engine, FLOOR, floor))
        return rows


def _round(page: Any, workload: str, arguments: tuple[int, ...]) -> Round:
    async def measure() -> dict[str, float]:
        listed = "".join(f", {argument}" for argument in arguments)
        try:
            async with asyncio.timeout(LONGEST_S):
                return await page.evaluate(f"workloads.{workload}(subject{listed})")
        except TimeoutError:
            raise SubjectFailedError(f"no answer within {LONGEST_S:g} s") from None
        except PageError as error:
            raise SubjectFailedError(" ".join(str(error).split())[:200]) from error

    return measure


async def _floor(stack: AsyncExitStack, open_page: Any) -> Any:
    relay = await stack.enter_async_context(process(str(RELAY), "websocket"))
    port = await line_with(relay, "")
    page = await open_page("about:blank")
    await page.evaluate(SCRIPT.read_text())
    arguments = ", ".join(map(json.dumps, (f"ws://127.0.0.1:{port}/", MESSAGE.decode())))
    await page.evaluate(f"floorSubject({arguments}).then((made) => {{ window.subject = made; }})")
    return page


async def _engine(stack: AsyncExitStack, open_page: Any) -> Any:
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="ij-"))
    arguments = ("-m", "imjoy_engine", "--port", "0", "--workspace", directory)
    store = {"IMJOY_ENGINE_STORE": str(Path(directory) / ".store")}
    child = await stack.enter_async_context(
        process(*arguments, terminate=True, env={**os.environ, **store})
    )
    url, _, token = (await line_with(child, "/#token=")).partition("/#token=")
    await stack.enter_async_context(drained(child.stdout))
    # Any address of the engine's own will do; one without its page, which would begin to work.
    page = await open_page(f"{url}/frames/base_frame.html")
    await page.evaluate(SCRIPT.read_text())
    arguments_of = ", ".join(map(json.dumps, (token, PLUGIN_FILE)))
    await page.evaluate(
        f"engineSubject({arguments_of}).then((made) => {{ window.subject = made; }})"
    )
    return page
