"""Small answers about the engine itself: health, about, templates."""

from __future__ import annotations

import asyncio
import json
import platform
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from imjoy_engine import __version__

__all__ = ["add_api", "list_templates"]

_CONFIG = re.compile(r"<config[^>]*>(.*?)</config>", re.DOTALL)


def add_api(
    app: web.Application, templates: Path, engine_info: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    """Serve `/healthz`, `/about`, `/api/templates` and the templates themselves."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__})

    async def about(_: web.Request) -> web.Response:
        info = await engine_info()
        # Whoever has no token learns what an unauthenticated caller may know, and no more.
        return web.json_response(
            {"name": info["name"], "version": __version__, "python": platform.python_version()}
        )

    async def listing(_: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(list_templates, templates))

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/about", about)
    app.router.add_get("/api/templates", listing)
    if templates.is_dir():
        app.router.add_static("/templates", templates)


def list_templates(directory: Path) -> list[dict[str, str]]:
    """Return name, type, description, icon and path of every template below `directory`."""
    found = []
    for path in sorted(directory.glob("*/*.imjoy.html")):
        match = _CONFIG.search(path.read_text(encoding="utf-8"))
        config = json.loads(match.group(1)) if match else {}
        found.append(
            {
                "name": str(config.get("name", path.stem)),
                "type": str(config.get("type", "")),
                "description": str(config.get("description", "")),
                "icon": str(config.get("icon", "")),
                "path": path.relative_to(directory).as_posix(),
            }
        )
    return found
