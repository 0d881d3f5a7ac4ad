from __future__ import annotations

import asyncio
import errno
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from imjoy_engine.errors import PortTakenError
from imjoy_engine.gateway.auth import HostRule
from imjoy_engine.gateway.http import listening, new_application, origin_allowed
from imjoy_engine.gateway.page import add_page, content_security_policy

RULE = HostRule.of("127.0.0.1", "https://lab.example/imjoy")


async def test_only_its_own_names_are_answered(aiohttp_client: Any, tmp_path: Path) -> None:
    app = new_application(RULE)
    add_page(app, tmp_path / "not built")
    client = await aiohttp_client(app)
    for name in ("127.0.0.1:9527", "localhost", "lab.example"):
        assert (await client.get("/", headers={"Host": name})).status == 503
    refused = await client.get("/", headers={"Host": "evil.example"})
    assert refused.status == 421
    assert "does not answer to the name" in (await refused.json())["message"]


async def test_every_answer_carries_the_safe_headers(aiohttp_client: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<title>page</title>")
    (tmp_path / "app.js").write_text("1")
    app = new_application(RULE)
    add_page(app, tmp_path)
    client = await aiohttp_client(app)
    for path in ("/", "/app.js", "/nowhere"):
        answer = await client.get(path)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert (await client.get("/app.js")).content_type.endswith("javascript")


async def test_a_client_that_leaves_while_it_is_answered_is_no_error(
    aiohttp_client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answered = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if request.query.get("leaves"):
            request.transport.close()
        try:
            if not request.query.get("leaves"):
                raise ConnectionResetError("of something else")
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            return socket
        finally:
            answered.set()

    app = new_application(RULE)
    app.router.add_get("/answer", handler)
    client = await aiohttp_client(app)
    with pytest.raises(aiohttp.ClientError):
        await client.ws_connect("/answer?leaves=1")
    await asyncio.wait_for(answered.wait(), 20)
    # Another request is dealt with after it.
    assert (await client.get("/answer")).status == 500
    errors = [record.exc_text or str(record.exc_info) for record in caplog.records]
    assert len(errors) == 1
    assert "of something else" in errors[0]


async def test_a_page_that_is_not_built_says_how_to(aiohttp_client: Any, tmp_path: Path) -> None:
    app = new_application(RULE)
    add_page(app, tmp_path / "nothing")
    answer = await (await aiohttp_client(app)).get("/")
    assert answer.status == 503
    assert "make serve" in await answer.text()


def test_origins() -> None:
    check = origin_allowed(frozenset({"https://imjoy.example"}))
    here = {"HTTP_HOST": "127.0.0.1:9527"}
    assert check("http://127.0.0.1:9527", here)
    assert check("https://imjoy.example", here)
    assert not check("https://evil.example", here)


async def test_a_port_is_given_back_or_refused_with_the_way_out() -> None:
    async with listening(web.Application(), "127.0.0.1", 0, 1) as port:
        assert port > 0
        with pytest.raises(PortTakenError, match=f"Port {port} on 127.0.0.1 is taken"):
            async with listening(web.Application(), "127.0.0.1", port, 1):
                pass
    with socket.socket() as again:
        again.bind(("127.0.0.1", port))


async def test_an_address_that_is_not_this_machines_is_said() -> None:
    with pytest.raises(PortTakenError, match=r"no address 203\.0\.113\.1") as caught:
        async with listening(web.Application(), "203.0.113.1", 0, 1):
            pass
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize("host", ["nosuch.invalid", "x" * 70])
async def test_a_name_that_stands_for_no_address_is_said(host: str) -> None:
    with pytest.raises(PortTakenError, match=f"{host} is the name of no address"):
        async with listening(web.Application(), host, 0, 1):
            pass


def test_a_frame_of_a_plugin_may_load_what_it_asks_and_the_page_may_not() -> None:
    page, frame = content_security_policy("/"), content_security_policy("/frames/base_frame.html")
    assert "script-src 'self' 'unsafe-eval'" in page
    assert "script-src" not in frame
    assert "frame-ancestors 'self'" in page
    assert "frame-ancestors 'self'" in frame
