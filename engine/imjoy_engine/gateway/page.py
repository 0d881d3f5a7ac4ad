"""The page's static files, and the headers that keep it to its own origin."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

__all__ = ["add_page", "content_security_policy"]

_PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        # The core makes functions from text.
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        # A plugin may be loaded from an address, and show a web application in a window.
        "connect-src 'self' https: http: ws: wss: blob: data:",
        "worker-src 'self' blob:",
        "frame-src 'self' https: http: blob: data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_FRAME_POLICY = "frame-ancestors 'self'"
"""Window plugins live in frames: their own scripts, and libraries from where they say."""


def content_security_policy(path: str) -> str:
    """Return what a document at `path` may load: the page little, a plugin's frame what it asks."""
    return _FRAME_POLICY if path.startswith("/frames/") else _PAGE_POLICY


_NOT_BUILT = """<!doctype html><meta charset="utf-8"><title>ImJoy Engine</title>
<p>The engine runs, but its page is not built. Run <code>make serve</code> in the source
directory, or install the packaged engine.</p>"""


def add_page(app: web.Application, directory: Path) -> None:
    """Serve the built page at `/`; a page that says how to build it when there is none."""
    index = directory / "index.html"

    async def front(_: web.Request) -> web.StreamResponse:
        if not index.is_file():
            return web.Response(text=_NOT_BUILT, content_type="text/html", status=503)
        response = web.FileResponse(index)
        response.headers["Cache-Control"] = "no-cache"
        return response

    app.router.add_get("/", front)
    if directory.is_dir():
        # Last, so that every other route is found first.
        app.router.add_static("/", directory, append_version=False)
