"""The file manager over real HTTP: what it shows, what it refuses, what it leaves behind."""

from __future__ import annotations

import asyncio
import io
import json
import os
import resource
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from imjoy_engine.errors import (
    BadRequestError,
    ConflictError,
    MachineError,
    NotFoundError,
    TokenError,
)
from imjoy_engine.gateway.files import FileLimits, FileService
from imjoy_engine.gateway.paths import typed_error
from imjoy_engine.gateway.signing import UrlSigner

NOW = 1_800_000_000.0


class HandClock:
    """A clock that moves when told."""

    def __init__(self):
        self.time = NOW

    def now(self):
        return self.time

    def monotonic(self):
        return self.time

    async def sleep(self, delay_s):
        self.time += delay_s


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    (root / "images" / "raw").mkdir(parents=True)
    (root / "images" / "raw" / "a.tif").write_bytes(b"II*\0")
    (root / "images" / "Zelle ü 1.png").write_bytes(b"PNG")
    (root / "notes.txt").write_text("0123456789")
    (root / ".imjoy-engine").mkdir()
    (root / ".imjoy-engine" / "token").write_text("secret")
    return root


@pytest.fixture
def data(tmp_path):
    """A second root."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big.zarr").mkdir()
    return tmp_path / "data"


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "private.txt").write_text("private")
    return tmp_path / "outside"


@pytest.fixture
def service(workspace, data, clock):
    roots = {"default": (workspace, data), "other": (data,)}
    return FileService(roots.__getitem__, UrlSigner("secret"), clock)


@asynccontextmanager
async def serving(service):
    """Give a client of a server that has the service's routes."""
    app = web.Application()
    service.routes(app)
    async with TestServer(app) as server:
        service.base_url = str(server.make_url("/"))
        async with aiohttp.ClientSession(service.base_url) as session:
            yield session


@pytest.fixture
async def client(service):
    async with serving(service) as session:
        yield session


def names(listing):
    return [child["name"] for child in listing["children"]]


def left_over(directory):
    return sorted(each.name for each in directory.rglob("*.upload"))


# Paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../outside",
        "images/../../outside",
        "/etc",
        "/etc/passwd",
        "/",
        "~",
        "~/x",
        "~nobody-of-that-name/x",
        ".imjoy-engine",
        ".imjoy-engine/token",
        "./.imjoy-engine/token",
        "images/../.imjoy-engine/token",
        "door",
        "door/private.txt",
        "window",
        "circle/x",
        "token-link",
    ],
)
async def test_nothing_outside_or_hidden_can_be_named(service, workspace, outside, path):
    (workspace / "door").symlink_to(outside)
    (workspace / "window").symlink_to(outside / "private.txt")
    (workspace / "circle").symlink_to("circle")
    (workspace / "token-link").symlink_to(".imjoy-engine/token")
    with pytest.raises(NotFoundError):
        await service.list_dir(path)
    with pytest.raises(NotFoundError):
        await service.get_file_url(path)
    if path not in {"window", "door", "token-link"}:  # removing a link removes just the link
        with pytest.raises(NotFoundError):
            await service.remove_files(path, "file")
    with pytest.raises(NotFoundError):
        await service.request_upload_url(f"{path}/x", overwrite=True)
    assert (outside / "private.txt").read_text() == "private"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
async def test_text_that_is_no_path_is_a_bad_request(service, path):
    for request in (service.list_dir, service.get_file_url, service.remove_files):
        with pytest.raises(BadRequestError):
            await request(path)


async def test_absolute_and_relative_paths_inside_the_roots_are_the_same(service, workspace, data):
    assert await service.list_dir("images") == await service.list_dir(str(workspace / "images"))
    assert names(await service.list_dir("images/../images/raw")) == ["a.tif"]
    assert names(await service.list_dir(str(data))) == ["big.zarr"]


async def test_tilde_is_the_home_directory_when_that_is_a_root(workspace, clock, monkeypatch):
    monkeypatch.setenv("HOME", str(workspace))
    service = FileService(lambda _: [workspace], UrlSigner("secret"), clock)
    assert names(await service.list_dir("~/images/raw")) == ["a.tif"]


async def test_a_link_from_one_root_into_another_works(service, workspace, data):
    (workspace / "shared").symlink_to(data)
    assert names(await service.list_dir("shared")) == ["big.zarr"]


async def test_each_workspace_has_its_own_roots(service, workspace):
    assert names(await service.list_dir(workspace="other")) == ["big.zarr"]
    with pytest.raises(NotFoundError):
        await service.list_dir(str(workspace), workspace="other")


# Listing -----------------------------------------------------------------------------------


async def test_a_listing_has_names_types_sizes_and_times(service, workspace, data):
    listing = await service.list_dir()
    assert (listing["path"], listing["name"]) == (str(workspace), "workspace")
    assert (listing["type"], listing["sep"]) == ("dir", "/")
    assert listing["roots"] == [str(workspace), str(data)]
    assert [(each["name"], each["type"]) for each in listing["children"]] == [
        ("images", "dir"),
        ("notes.txt", "file"),
    ]
    notes = listing["children"][1]
    assert notes["size"] == 10
    assert notes["mtime"] == (workspace / "notes.txt").stat().st_mtime
    assert "truncated" not in listing
    json.dumps(listing)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("file", ["notes.txt"]), ("dir", ["images"]), ("directory", ["images"])],
)
async def test_a_listing_can_be_of_one_type(service, kind, expected):
    assert names(await service.list_dir(type=kind)) == expected


async def test_an_unknown_type_is_refused(service):
    with pytest.raises(BadRequestError, match="drawer"):
        await service.list_dir(type="drawer")


async def test_a_recursive_listing_holds_the_tree(service):
    listing = await service.list_dir(recursive=True)
    images = listing["children"][0]
    assert names(images) == ["raw", "Zelle ü 1.png"]
    assert names(images["children"][0]) == ["a.tif"]


async def test_links_are_listed_as_what_they_lead_to_and_not_walked(service, workspace, outside):
    (workspace / "again").symlink_to(workspace)
    (workspace / "copy.txt").symlink_to("notes.txt")
    (workspace / "door").symlink_to(outside)
    (workspace / "broken").symlink_to("nothing")
    os.mkfifo(workspace / "pipe")
    listing = await service.list_dir(recursive=True)
    assert names(listing) == ["again", "images", "copy.txt", "notes.txt"]
    assert "children" not in listing["children"][0]


async def test_count_and_depth_are_bounded(workspace, clock):
    limits = FileLimits(max_entries=5, max_depth=2)
    service = FileService(lambda _: [workspace], UrlSigner("secret"), clock, limits=limits)
    for number in range(20):
        (workspace / "images" / "raw" / f"{number}.tif").touch()
    flat = await service.list_dir("images/raw")
    assert len(flat["children"]) == 5
    assert flat["truncated"] is True
    (workspace / "deep" / "deeper" / "deepest").mkdir(parents=True)
    deep = await service.list_dir("deep", recursive=True)
    assert names(deep["children"][0]) == ["deepest"]
    assert deep["truncated"] is True


async def test_a_file_or_nothing_has_no_listing(service):
    for path in ("notes.txt", "nothing", "notes.txt/x"):
        with pytest.raises(NotFoundError):
            await service.list_dir(path)


async def test_names_that_are_not_unicode_survive(service, workspace, client):
    odd = os.fsdecode(b"latin-\xfc.txt")
    (workspace / odd).write_text("x")
    assert odd in names(await service.list_dir())
    answer = await client.get((await service.get_file_url(odd))["url"])
    assert await answer.text() == "x"


# Removing ----------------------------------------------------------------------------------


async def test_a_file_and_an_empty_directory_are_removed(service, workspace):
    (workspace / "empty").mkdir()
    assert await service.remove_files("notes.txt", "file") == {}
    assert await service.remove_files("empty", "dir") == {}
    assert names(await service.list_dir()) == ["images"]


async def test_a_tree_moves_to_the_trash_of_its_root(service, workspace, clock):
    time = datetime.fromtimestamp(NOW, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    answer = await service.remove_files("images", "directory", recursive=True)
    assert answer == {"moved_to": str(workspace / ".trash" / f"{time}-images")}
    assert (workspace / ".trash" / f"{time}-images" / "raw" / "a.tif").read_bytes() == b"II*\0"
    (workspace / "images").mkdir()
    answer = await service.remove_files("images", "dir", recursive=True)
    assert answer == {"moved_to": str(workspace / ".trash" / f"{time}-2-images")}
    assert names(await service.list_dir()) == ["notes.txt"]


@pytest.mark.parametrize(
    ("path", "kind", "error"),
    [
        ("images", "dir", ConflictError),
        ("images", "file", BadRequestError),
        ("notes.txt", "dir", BadRequestError),
        ("nothing", "file", NotFoundError),
        (".", "dir", NotFoundError),
        ("", "dir", NotFoundError),
        ("images/..", "dir", NotFoundError),
    ],
)
async def test_what_cannot_be_removed_is_still_there(service, workspace, path, kind, error):
    before = sorted(workspace.rglob("*"))
    with pytest.raises(error):
        await service.remove_files(path, kind)
    assert sorted(workspace.rglob("*")) == before


async def test_a_directory_that_holds_another_root_is_not_removed(workspace, clock):
    roots = [workspace, workspace / "images" / "raw"]
    service = FileService(lambda _: roots, UrlSigner("secret"), clock)
    with pytest.raises(BadRequestError, match="everything"):
        await service.remove_files("images", recursive=True)


async def test_removing_a_link_leaves_what_it_leads_to(service, workspace, outside):
    (workspace / "door").symlink_to(outside)
    await service.remove_files("door", "file")
    assert not (workspace / "door").is_symlink()
    assert (outside / "private.txt").exists()


# Fetching ----------------------------------------------------------------------------------


async def test_a_link_serves_the_file(service, client, workspace):
    url = (await service.get_file_url("images/Zelle ü 1.png"))["url"]
    answer = await client.get(url)
    assert (answer.status, await answer.read()) == (200, b"PNG")
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["Content-Disposition"] == (
        "inline; filename=\"Zelle _ 1.png\"; filename*=UTF-8''Zelle%20%C3%BC%201.png"
    )
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")
    assert answer.headers["ETag"].startswith('"')
    assert "Last-Modified" in answer.headers
    saved = await client.get(f"{url}?download")
    assert saved.headers["Content-Disposition"].startswith("attachment; ")
    assert (await service.get_file_path(url))["path"] == str(workspace / "images/Zelle ü 1.png")


async def test_head_tells_without_sending(service, client):
    answer = await client.head((await service.get_file_url("notes.txt"))["url"])
    assert (answer.status, await answer.read()) == (200, b"")
    assert answer.headers["Content-Length"] == "10"


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-3", 206, "789", "bytes 7-9/10"),
        ("bytes=8-100", 206, "89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
async def test_ranges(service, client, asked, status, body, content_range):
    url = (await service.get_file_url("notes.txt"))["url"]
    answer = await client.get(url, headers={"Range": asked})
    assert answer.status == status
    assert answer.headers["Content-Range"] == content_range
    if body:
        assert await answer.text() == body


async def test_what_has_not_changed_is_not_sent_again(service, client, workspace):
    url = (await service.get_file_url("notes.txt"))["url"]
    etag = (await client.get(url)).headers["ETag"]
    assert (await client.get(url, headers={"If-None-Match": etag})).status == 304
    part = {"Range": "bytes=5-", "If-Range": etag}
    assert await (await client.get(url, headers=part)).text() == "56789"
    (workspace / "notes.txt").write_text("another text")
    whole = await client.get(url, headers=part)
    assert (whole.status, await whole.text()) == (200, "another text")
    assert (await client.get(url, headers={"If-None-Match": etag})).status == 200


async def test_a_compressed_neighbour_is_not_served_instead(service, client, workspace):
    (workspace / "notes.txt.gz").write_bytes(b"something else")
    url = (await service.get_file_url("notes.txt"))["url"]
    answer = await client.get(url, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert await answer.text() == "0123456789"


async def test_a_link_to_a_directory_reaches_what_is_below_and_nothing_else(
    service, client, workspace
):
    url = (await service.get_file_url("images"))["url"]
    listing = await (await client.get(url)).json()
    assert names(listing) == ["raw", "Zelle ü 1.png"]
    assert names(await (await client.get(f"{url}/raw")).json()) == ["a.tif"]
    assert await (await client.get(f"{url}/raw/a.tif")).read() == b"II*\0"
    assert (await client.get(f"{url}/Zelle%20%C3%BC%201.png")).status == 200
    assert (await service.get_file_path(f"{url}/raw/a.tif"))["path"].endswith("raw/a.tif")
    (workspace / "images" / "up").symlink_to(workspace)
    for below in ("..%2fnotes.txt", "%2e%2e/notes.txt", "up/notes.txt", f"/{workspace}/notes.txt"):
        answer = await client.get(URL(f"{url}/{below}", encoded=True))
        assert answer.status == 404, below
    (workspace / "images" / ".hidden").touch()
    for below in ("nothing", ".hidden", "raw/a.tif/x", "a%00b"):
        assert (await client.get(f"{url}/{below}")).status in {400, 404}


async def test_a_link_ends_and_cannot_be_made_up(service, client, clock):
    url = (await service.get_file_url("notes.txt"))["url"]
    assert (await client.get(url.replace("/file/", "/file/A"))).status == 403
    clock.time += 24 * 3600
    answer = await client.get(url)
    assert answer.status == 403
    assert (await answer.json())["code"] == "token-mismatch"
    with pytest.raises(TokenError, match="expired"):
        await service.get_file_path(url)


async def test_a_link_follows_the_roots_as_they_are_now(workspace, outside, clock, service, client):
    (workspace / "later").mkdir()
    (workspace / "later" / "x.txt").touch()
    url = (await service.get_file_url("later/x.txt"))["url"]
    (workspace / "later").rename(workspace / "before")
    (workspace / "later").symlink_to(outside)
    (outside / "x.txt").write_text("private")
    assert (await client.get(url)).status == 404


async def test_a_link_says_its_path_only_to_its_workspace(service):
    url = (await service.get_file_url("notes.txt"))["url"]
    with pytest.raises(NotFoundError):
        await service.get_file_path(url, workspace="other")
    for no_link in ("http://127.0.0.1/notes.txt", "http://[", "", "notes.txt"):
        with pytest.raises(BadRequestError, match="no link"):
            await service.get_file_path(no_link)


async def test_special_files_have_no_link(service, workspace):
    os.mkfifo(workspace / "pipe")
    with pytest.raises(NotFoundError):
        await service.get_file_url("pipe")


# Uploading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_raw_bytes_land_where_they_were_asked_for(service, client, workspace, method):
    link = await service.request_upload_url("new/deep/data.bin")
    content = os.urandom(3 << 20)
    answer = await client.request(method, link["url"], data=io.BytesIO(content))
    assert answer.status == 201
    target = workspace / "new" / "deep" / "data.bin"
    expected = {"success": True, "path": str(target), "name": "data.bin", "size": len(content)}
    assert await answer.json() == expected
    assert target.read_bytes() == content
    assert left_over(workspace) == []


async def test_a_form_brings_its_own_name(service, client, workspace):
    link = await service.request_upload_url(dir="images")
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("note", "ignored")
    form.add_field("file", b"content", filename="C:\\pictures\\cell ü.tif")
    answer = await client.post(link["url"], data=form)
    assert (await answer.json())["path"] == str(workspace / "images" / "cell ü.tif")
    assert (workspace / "images" / "cell ü.tif").read_bytes() == b"content"


async def test_an_empty_file_is_a_file(service, client, workspace):
    link = await service.request_upload_url("empty.bin")
    assert (await client.put(link["url"], data=b"")).status == 201
    assert (workspace / "empty.bin").read_bytes() == b""


async def test_an_upload_link_works_once(service, client):
    link = await service.request_upload_url("one.bin", overwrite=True)
    assert (await client.put(link["url"], data=b"1")).status == 201
    assert (await client.put(link["url"], data=b"2")).status == 404
    assert (await client.put("/upload/made-up", data=b"2")).status == 404


async def test_an_upload_link_ends(service, client, clock):
    link = await service.request_upload_url("late.bin")
    clock.time += 3600
    assert (await client.put(link["url"], data=b"1")).status == 404


async def test_overwriting_needs_to_be_asked_for(service, client, workspace):
    with pytest.raises(ConflictError):
        await service.request_upload_url("notes.txt")
    link = await service.request_upload_url("soon.txt")
    (workspace / "soon.txt").write_text("first")
    answer = await client.put(link["url"], data=b"second")
    assert (answer.status, (await answer.json())["code"]) == (409, "conflict")
    assert (workspace / "soon.txt").read_text() == "first"
    link = await service.request_upload_url("soon.txt", overwrite=True)
    assert (await client.put(link["url"], data=b"third")).status == 201
    assert (workspace / "soon.txt").read_text() == "third"
    link = await service.request_upload_url("images", overwrite=True)
    assert (await client.put(link["url"], data=b"fourth")).status == 409
    assert left_over(workspace) == []


async def test_of_two_uploads_to_one_name_one_wins(service, client, workspace):
    links = [await service.request_upload_url("same.bin") for _ in range(2)]
    content = [bytes([number]) * (2 << 20) for number in range(2)]
    answers = await asyncio.gather(
        *(
            client.put(link["url"], data=io.BytesIO(data))
            for link, data in zip(links, content, strict=True)
        )
    )
    assert sorted(answer.status for answer in answers) == [201, 409]
    assert (workspace / "same.bin").read_bytes() in content
    assert left_over(workspace) == []


async def test_overwriting_a_link_replaces_the_link(service, client, workspace, outside):
    (workspace / "window").symlink_to(outside / "private.txt")
    link = await service.request_upload_url("window", overwrite=True)
    assert (await client.put(link["url"], data=b"mine")).status == 201
    assert (workspace / "window").read_bytes() == b"mine"
    assert (outside / "private.txt").read_text() == "private"


@pytest.mark.parametrize("name", [".bashrc", "..", "x/.hidden", "a" * 300])
async def test_bad_names_are_refused(service, client, workspace, name):
    link = await service.request_upload_url(dir="images")
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", b"content", filename=name)
    answer = await client.post(link["url"], data=form)
    assert answer.status == 400
    assert (await answer.json())["success"] is False
    assert left_over(workspace) == []


async def test_bytes_without_a_name_need_a_path(service, client):
    link = await service.request_upload_url(dir="images")
    assert (await client.put(link["url"], data=b"x")).status == 400
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("note", "no file here")
    answer = await client.post(link["url"], data=form)
    assert answer.status == 400
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=abc"):
        answer = await client.post(
            link["url"], data=b"rubbish", headers={"Content-Type": content_type}
        )
        assert answer.status == 400
        assert (await answer.json())["code"] == "bad-request"


async def test_the_size_is_limited(workspace, clock):
    limits = FileLimits(max_upload_bytes=1000)
    service = FileService(lambda _: [workspace], UrlSigner("secret"), clock, limits=limits)
    async with serving(service) as client:
        link = await service.request_upload_url("big.bin")
        answer = await client.put(link["url"], data=b"x" * 1001)
        assert (answer.status, (await answer.json())["code"]) == (413, "too-large")
        assert left_over(workspace) == []
        assert not (workspace / "big.bin").exists()
        # Nothing was stored, so the link still holds for something smaller.
        assert (await client.put(link["url"], data=b"x" * 1000)).status == 201


async def test_a_full_disk_is_said_and_leaves_nothing(service, client, workspace):
    link = await service.request_upload_url("big.bin")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        answer = await client.put(link["url"], data=io.BytesIO(b"x" * (4 << 20)))
        body = await answer.json()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (answer.status, body["code"]) == (500, "machine")
    assert "no room" in body["error"]
    assert left_over(workspace) == []
    assert not (workspace / "big.bin").exists()
    assert (await client.put(link["url"], data=b"smaller")).status == 201


async def test_a_broken_upload_leaves_nothing_and_may_be_repeated(service, client, workspace):
    link = await service.request_upload_url("cut.bin")
    url = URL(link["url"])
    _, writer = await asyncio.open_connection(url.host, url.port)
    head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 5000000\r\n\r\n"
    writer.write(head.encode() + b"x" * (3 << 20))
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(20):
        # The right comes back once the server has noticed and cleaned up.
        while (answer := await client.put(link["url"], data=b"whole")).status == 404:
            await answer.read()
    assert answer.status == 201
    assert (workspace / "cut.bin").read_bytes() == b"whole"
    assert left_over(workspace) == []


async def test_a_place_that_cannot_be_written_is_named(service, client, workspace):
    link = await service.request_upload_url("notes.txt/below.bin")
    answer = await client.put(link["url"], data=b"x")
    assert answer.status in {404, 409, 500}
    assert (await answer.json())["error"]


async def test_rights_that_nobody_uses_do_not_pile_up(service):
    first = await service.request_upload_url("first.bin")
    service._uploads._most = 10
    for _ in range(10):
        await service.request_upload_url("more.bin")
    with pytest.raises(NotFoundError):
        service._uploads.claim(first["id"])
    assert len(service._uploads._rights) == 10


def test_machine_errors_are_typed():
    full = typed_error(OSError(28, "No space left on device"), "big.bin")
    assert isinstance(full, MachineError)
    assert "no room" in full.message
    assert isinstance(typed_error(PermissionError(13, "Permission denied"), "x"), MachineError)
