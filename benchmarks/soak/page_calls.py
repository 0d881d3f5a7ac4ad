"""The calls of `calls`, made by the page: the real core and its link in Chromium."""

from __future__ import annotations

import time
from typing import Any

from playwright.async_api import CDPSession, Page

from benchmarks.measure import Row
from benchmarks.soak.calls import CALLS, FIRST_CALLS, SCRIPT
from benchmarks.soak.census import Census, compared
from benchmarks.soak.engine import CountedEngine, counted_engine
from support.link_page import linked_page, loaded

AT_ONCE = 1_000
"""Calls of one question to the browser, which must answer within 30 s."""

MAKE = """async ([first, count, inFlight]) => {
  const kinds = [
    async (n) => Soak.plain((value) => value, n),
    async (n) => Soak.coroutine((value) => value, n),
    async (n) => (await Soak.gives_function((value) => value, n))(1),
    async (n) => (await Soak.gives_object((value) => value, n)).up(1),
    async (n) => Soak.raises((value) => value, n).then(() => -1, (error) => {
      if (!String(error).includes(`ValueError: ${n}`)) throw error;
      return n + 1;
    }),
  ];
  let next = first;
  const goOn = async () => {
    while (next < first + count) {
      const number = next++;
      const answer = await kinds[number % kinds.length](number);
      if (answer !== number + 1) throw new Error(`${number} + 1 is ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, goOn));
}"""


async def soak(part: float) -> list[Row]:
    """Return what lives in page, engine and plugin after all calls, against after the first."""
    async with counted_engine() as engine, linked_page(engine) as page:
        await loaded(page, SCRIPT, "Soak")
        session = await page.context.new_cdp_session(page)
        # More at once than ever after: threads and buffers are made where calls meet.
        await page.evaluate(MAKE, [0, FIRST_CALLS, 64])
        first = await _census(engine, page, session)
        total = max(FIRST_CALLS, round(CALLS * part))
        start = time.perf_counter()
        for number in range(FIRST_CALLS, total, AT_ONCE):
            await page.evaluate(MAKE, [number, min(AT_ONCE, total - number), 16])
        rate = (total - FIRST_CALLS) / (time.perf_counter() - start)
        last = await _census(engine, page, session)
    rows = [Row(f"{total:,} calls with callbacks from the page", rate, "calls/s")]
    for where, then in first.items():
        rows += compared(where, then, last[where])
    return rows


async def _census(engine: CountedEngine, page: Page, session: CDPSession) -> dict[str, Census]:
    for _ in range(3):  # what one end lets go of, the other hears with the next message
        in_page = await _count_in_page(session)
        in_plugin, kept = await page.evaluate("Soak.census()")
    print("Functions that the plugin keeps for others:", kept)
    return {
        "plugin called by the page": tuple(in_plugin),
        "engine before the page": await engine.census(),
        "page": in_page,
    }


async def _count_in_page(session: CDPSession) -> Census:
    await session.send("HeapProfiler.collectGarbage")
    prototype = await session.send("Runtime.evaluate", {"expression": "Object.prototype"})
    found: dict[str, Any] = await session.send(
        "Runtime.queryObjects",
        {"prototypeObjectId": prototype["result"]["objectId"], "objectGroup": "census"},
    )
    count = await session.send(
        "Runtime.callFunctionOn",
        {
            "objectId": found["objects"]["objectId"],
            "functionDeclaration": "function () { return this.length; }",
            "returnByValue": True,
        },
    )
    await session.send("Runtime.releaseObjectGroup", {"objectGroup": "census"})
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    return int(count["result"]["value"]), int(usage["usedSize"])
