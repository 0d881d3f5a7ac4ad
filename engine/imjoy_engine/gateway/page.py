"""The page's static files, and the headers that keep it to its own origin."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

__all__ = ["CONTENT_SECURITY_POLICY", "add_page"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self' blob: data:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self' ws: wss: blob: data:",
        "worker-src 'self' blob: data:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""Plugins are scripts that people load by hand, so the core needs inline scripts and eval; nothing
may come from another origin by itself."""

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
