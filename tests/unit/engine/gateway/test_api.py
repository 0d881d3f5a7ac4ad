from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from imjoy_engine import __version__
from imjoy_engine.gateway.api import add_api, list_templates

HELLO = '<config lang="json">{"name": "Hello", "type": "window", "icon": "wave"}</config>'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "hello.imjoy.html").write_text(HELLO)
    (tmp_path / "hello" / "notes.txt").write_text("no template")
    return tmp_path


def test_templates_are_listed_by_their_own_words(templates: Path) -> None:
    assert list_templates(templates) == [
        {
            "name": "Hello",
            "type": "window",
            "description": "",
            "icon": "wave",
            "path": "hello/hello.imjoy.html",
        }
    ]
    assert list_templates(templates / "nowhere") == []


async def test_the_answers_over_http(aiohttp_client: Any, templates: Path) -> None:
    async def info() -> dict[str, Any]:
        return {"name": "Engine", "platform": {"node": "secret-host"}}

    app = web.Application()
    add_api(app, templates, info)
    client = await aiohttp_client(app)
    health = await (await client.get("/healthz")).json()
    assert health == {"status": "ok", "version": __version__}
    about = await (await client.get("/about")).json()
    assert about["name"] == "Engine"
    assert "secret-host" not in str(about)
    listing = await (await client.get("/api/templates")).json()
    source = await client.get(f"/templates/{listing[0]['path']}")
    assert await source.text() == HELLO
    assert (await client.get("/templates/../api.py")).status == 404
