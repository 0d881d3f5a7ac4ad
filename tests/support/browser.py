"""A person in front of the page: what they do and see, in words and roles, never in internals."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from support.engine import EngineProcess

__all__ = ["Person", "Watch", "person_at"]

SEE_S = 20.0
SCREENSHOTS = Path(__file__).resolve().parents[1] / "out"

# What a browser says by itself when the engine goes away or says no; the page says it too.
_NETWORK_WORDS = "Failed to load resource", "WebSocket connection to"


class Watch:
    """Everything in a browser context that must not happen unseen by the person in front of it.

    `may_say` are patterns of console errors that a test expects: a plugin's own mistakes.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.origin = origin
        self.may_say: list[str] = []
        self.strangers: list[str] = []
        self.requests: list[str] = []
        self._errors: list[str] = []
        context.on("request", lambda request: self._request(request.url))
        context.on("weberror", lambda error: self._errors.append(f"uncaught: {error.error}"))
        context.on("console", lambda message: self._console(message.type, message.text))
        context.on("page", lambda page: page.on("websocket", lambda ws: self._request(ws.url)))

    def _request(self, url: str) -> None:
        self.requests.append(url)
        address = re.sub(r"^ws", "http", url).removeprefix("blob:")
        if not address.startswith((f"{self.origin}/", "data:", "about:")):
            self.strangers.append(url)

    def _console(self, kind: str, text: str) -> None:
        if kind == "error":
            self._errors.append(f"console: {text}")

    def check(self) -> None:
        """Fail on any request that left the engine's origin and on any error nobody expected."""
        assert self.requests, "The browser asked for nothing: nobody watched."
        assert not self.strangers, self.strangers
        unexpected = [
            words
            for words in self._errors
            if not any(re.search(pattern, words) for pattern in self.may_say)
        ]
        assert not unexpected, unexpected


class Person:
    """Somebody with a browser on the engine's page."""

    def __init__(self, page: Page, watch: Watch, engine: EngineProcess) -> None:
        self.page = page
        self.watch = watch
        self.engine = engine

    # ── the page ─────────────────────────────────────────────────────────────────────────────

    async def open(self, link: str | None = None) -> None:
        """Open the link that the engine printed; return when the page says it is connected."""
        await self.page.goto(link or self.engine.link)
        await self.sees_online()

    async def sees_online(self) -> None:
        # On narrow screens the word is not shown; what it belongs to is there all the same.
        button = self.page.get_by_role("button").filter(has_text="Online")
        await expect(button).to_be_visible()

    async def sees(self, text: str | re.Pattern[str]) -> None:
        await expect(self.page.get_by_text(text).first).to_be_visible()

    async def screenshot(self, name: str, *, full: bool = False) -> None:
        """Keep a picture under tests/out for somebody to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(
            path=SCREENSHOTS / f"{name}.png", full_page=full, animations="disabled"
        )

    # ── bringing plugins ─────────────────────────────────────────────────────────────────────

    async def drop(self, source: str, name: str = "Dropped.imjoy.html") -> None:
        """Drop a file on the page, as from a file manager."""
        carried = await self.page.evaluate_handle(
            """([base64, name]) => {
                const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
                const carried = new DataTransfer();
                carried.items.add(new File([bytes], name, { type: "text/html" }));
                return carried;
            }""",
            [base64.b64encode(source.encode()).decode(), name],
        )
        body = self.page.locator("body")
        for event in ("dragenter", "dragover", "drop"):
            await body.dispatch_event(event, {"dataTransfer": carried})

    async def load(self, source: str, name: str) -> Locator:
        """Drop a plugin file and return its card when the plugin is ready."""
        await self.drop(source, f"{name}.imjoy.html")
        await self.sees_state(name, "Ready")
        return self.card(name)

    async def template(self, name: str) -> None:
        """Choose a template in the dialog that adds plugins, or on the empty page."""
        await self.opens_adding()
        await self.page.get_by_role("button", name=name).click()

    async def opens_adding(self) -> None:
        add = self.page.get_by_role("button", name="Add plugin")
        if await add.count():
            await add.click()

    # ── plugins ──────────────────────────────────────────────────────────────────────────────

    def card(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name, exact=True)

    def window(self, name: str) -> Locator:
        windows = self.page.get_by_role("region", name="Windows")
        return windows.get_by_role("region", name=name, exact=True)

    def dialog(self, title: str | None = None) -> Locator:
        return (
            self.page.get_by_role("dialog", name=title)
            if title
            else self.page.get_by_role("dialog")
        )

    async def sees_state(self, name: str, state: str, *, within_s: float = SEE_S) -> None:
        status = self.card(name).get_by_role("status").filter(has_text=re.compile(f"^{state}$"))
        try:
            await expect(status).to_be_visible(timeout=within_s * 1000)
        except AssertionError as error:
            card = await self.card(name).all_inner_texts()
            raise AssertionError(f"{name} is not {state}: {card}") from error

    async def run(self, name: str) -> None:
        await self.card(name).get_by_role("button", name="Run", exact=True).click()

    async def sees_outcome(
        self, name: str, words: str | re.Pattern[str], *, within_s: float = SEE_S
    ) -> None:
        """Wait for the line under the card's buttons that says how the last run ended."""
        outcome = self.card(name).get_by_text(words)
        try:
            await expect(outcome.first).to_be_visible(timeout=within_s * 1000)
        except AssertionError as error:
            card = await self.card(name).all_inner_texts()
            raise AssertionError(f"{words!r} is not on the card of {name}: {card}") from error

    async def presses(self, name: str, button: str) -> None:
        await self.card(name).get_by_role("button", name=button, exact=True).click()

    async def opens_log(self, name: str) -> Locator:
        """Open a plugin's log and return its lines."""
        log = self.page.get_by_role("complementary", name=f"Log of {name}")
        if not await log.count():
            await self.card(name).get_by_role("button", name=re.compile("^Log")).click()
        return log.get_by_role("log")

    async def sees_failure(self, name: str) -> Locator:
        """Return the note on a plugin's card that says why it failed.

        The core writes to the console too why a plugin could not be loaded.
        """
        self.watch.may_say += [f"error occured when loading plugin {name}", "^console: LinkError:"]
        await self.sees_state(name, "Failed")
        return self.card(name).get_by_role("alert")

    async def sees_last_lines(self, note: Locator) -> Locator:
        """Return what a failure's note shows of the last words of what failed."""
        tail = note.locator("pre")
        await expect(tail).to_be_visible()
        return tail


@asynccontextmanager
async def person_at(browser: Browser, engine: EngineProcess, **how: Any) -> AsyncIterator[Person]:
    """Give a browser profile of its own to somebody; leave nothing of it."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
    context.set_default_timeout(SEE_S * 1000)
    watch = Watch(context, engine.url)
    try:
        yield Person(await context.new_page(), watch, engine)
        watch.check()
    finally:
        await context.close()
