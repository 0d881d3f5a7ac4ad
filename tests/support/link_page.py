"""The link, the real core and the real engine in a browser, without the page around them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Page, async_playwright

from support.engine import EngineProcess

__all__ = ["GOOD", "SET_UP", "failure", "linked_page", "loaded", "plugin_file"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

SET_UP = """async ([token, graceS]) => {
  await new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    Object.assign(tag, { src: "/core/imjoy-loader.min.js", onload: resolve, onerror: reject });
    document.head.append(tag);
  });
  const { ImJoy } = await loadImJoyCore({ base_url: "/core/" });
  const imjoy = new ImJoy({
    imjoy_api: {
      alert: async (_, message) => `seen: ${message}`,
      prompt: async (_, question) => `answer to ${question}`,
    },
    default_base_frame: `${location.origin}/frames/base_frame.html`,
    default_rpc_base_url: `${location.origin}/rpc/`,
  });
  imjoy.pm.internal_plugins = {};
  imjoy.event_bus.on("add_window", ({ window_id: id }) =>
    document.body.append(Object.assign(document.createElement("div"), { id })));
  await imjoy.start({ workspace: "default" });
  const { createEngineLink } = await import("/link/index.js");
  const { io } = await import("/vendor/socketio.js");
  const loadRPC = async () => (await loadImJoyRPC({ base_url: `${location.origin}/rpc/` })).RPC;
  const link = await createEngineLink({ url: location.origin, token, io, loadRPC, graceS });
  await link.register(imjoy);
  const events = [];
  link.on("plugin", (event) => events.push(event));
  link.on("state", (event) => events.push(event));
  const within = (promise) => Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error("no answer in 20 s")), 20000)),
  ]);
  const load = async (code) => (await within(imjoy.pm.reloadPlugin({ code }))).api;
  Object.assign(window, { imjoy, link, events, within, load });
  return link.state;
}"""


def plugin_file(
    script: str, name: str = "Plugin", kind: str = "native-python", **config: Any
) -> str:
    fields = {
        **{"name": name, "type": kind, "version": "0.1.0", "api_version": "0.1.8"},
        **{"description": "", "tags": [], "ui": "", "inputs": None, "outputs": None},
        **{"flags": [], "icon": "", "env": "", "requirements": [], "dependencies": []},
        **config,
    }
    lang = "python" if kind == "native-python" else "javascript"
    return (
        f'<config lang="json">\n{json.dumps(fields)}\n</config>\n'
        f'<script lang="{lang}">\n{script}\n</script>\n'
    )


@asynccontextmanager
async def linked_page(engine: EngineProcess) -> AsyncIterator[Page]:
    """Open a page of the engine with `imjoy`, `link`, `events`, `load` and `within`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            page = await browser.new_page()
            await page.goto(f"{engine.url}/frames/base_frame.html")
            assert await page.evaluate(SET_UP, [engine.token, 15]) == "online"
            yield page
        finally:
            await browser.close()


GOOD = """
import os, signal, sys, time
from imjoy import api

class Plugin:
    def setup(self):
        print("set up in", api.WORK_DIR)
    async def run(self, ctx):
        return {"got": ctx.config.n, "said": await api.alert("hello")}
    def where(self):
        config = api.config
        return [api.WORK_DIR, config.work_dir, api.ENGINE_URL, api.FILE_MANAGER_URL, config.name]
    def fail(self):
        raise ValueError("boom")
    async def each(self, callback):
        return [await callback(i) for i in range(5)]
    def keep(self, callback):
        self.callback = callback
    async def later(self, value):
        return await self.callback(value)
    def echo(self, value):
        return value
    def kinds(self, value):
        return type(value).__name__
    def make(self):
        total = [0]
        def add(amount):
            total[0] += amount
            return total[0]
        return {"_rintf": True, "add": add}
    def hang(self):
        time.sleep(1000)
    def pid(self):
        return os.getpid()
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)
    async def ask(self, name):
        other = await api.getPlugin(name)
        return await other.echo("through " + name)

api.export(Plugin())
"""


async def loaded(page: Page, script: str = GOOD, name: str = "Plugin", **config: Any) -> None:
    """Load a plugin through the core; its functions are `window[name]`."""
    await page.evaluate(
        "async ([code, name]) => { window[name] = await load(code) }",
        [plugin_file(script, name, **config), name],
    )


async def failure(page: Page, expression: str) -> str:
    """Return the text of what the promise is rejected with."""
    text = await page.evaluate(
        f"within({expression}).then((value) => 'not rejected: ' + value, (error) => String(error))"
    )
    return str(text)
