"""Pages in a bare headless Chromium, with nothing between them and their WebSockets.

A driver that watches a browser's network copies every frame of every WebSocket. This one evaluates
an expression, waits for what it comes to, and looks at nothing else.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

START_S = 60.0
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    # Every page of the benchmarks is measured, also one that no window shows.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--remote-debugging-port=0",
)
LOADED = "(url) => document.readyState === 'complete' && location.href.startsWith(url)"


class PageError(Exception):
    """What was evaluated has failed; the text is the browser's."""


class Page:
    """One page; `evaluate` returns what a JavaScript expression, or its promise, comes to."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def evaluate(self, expression: str) -> Any:
        """Raises PageError."""
        options = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = await self._ask("Runtime.evaluate", expression=expression, **options)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            words = details.get("exception", {}).get("description") or details["text"]
            raise PageError(words)
        return answer["result"].get("value")

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == number:
                if "error" in message:
                    raise PageError(message["error"]["message"])
                return message["result"]


@asynccontextmanager
async def chromium() -> AsyncIterator[Any]:
    """Run a browser while the block runs; gives a function that opens a page at an address."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise RuntimeError("There is no chromium on this machine.")
    async with AsyncExitStack() as stack:
        profile = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="ij-", ignore_cleanup_errors=True)
        )
        process = await asyncio.create_subprocess_exec(
            *(program, *OPTIONS, f"--user-data-dir={profile}", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        stack.push_async_callback(process.wait)
        stack.callback(process.terminate)
        address = f"http://127.0.0.1:{await _port(Path(profile) / 'DevToolsActivePort')}"
        web = await stack.enter_async_context(aiohttp.ClientSession())

        async def opened(url: str) -> Page:
            async with web.put(f"{address}/json/new?{url}") as answer:
                found = await answer.json(content_type=None)
            socket = await web.ws_connect(found["webSocketDebuggerUrl"], max_msg_size=0)
            stack.push_async_callback(socket.close)
            page = Page(socket)
            await _until(lambda: page.evaluate(f"({LOADED})({json.dumps(url)})"))
            return page

        yield opened


async def _port(file: Path) -> int:
    async def found() -> int | None:
        lines = _text(file).splitlines()
        return int(lines[0]) if lines else None

    return await _until(found)


async def _until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a look comes to, once that is true; it is repeated."""
    async with asyncio.timeout(START_S):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(0.05)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
