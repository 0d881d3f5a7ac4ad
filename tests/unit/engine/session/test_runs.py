from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.config import Limits
from imjoy_engine.errors import NotFoundError
from imjoy_engine.session.run_files import RunFiles
from imjoy_engine.session.runs import Run, Runs
from imjoy_wire.chunks import cut
from imjoy_wire.frames import Frame
from support.clock import FakeClock


class Instance:
    """As much of a PluginInstance as runs look at."""

    class manifest:  # noqa: N801
        name, tag = "Train", "GPU"

    id, peer_id, workspace = "i-1", "w-1", "default"

    @staticmethod
    def gone_reason() -> dict[str, Any]:
        return {"code": "plugin-exited", "message": "It was killed by SIGKILL."}


INSTANCE: Any = Instance()


class Book:
    """Runs over a directory, with what they told."""

    def __init__(self, directory: Path, **limits: Any) -> None:
        self.clock = FakeClock()
        self.directory = directory
        self.runs = Runs(RunFiles(directory), self.clock, Limits(**limits))
        self.told: list[Run] = []
        self.runs.on_change = self.told.append

    def ask(self, run_id: str, name: str = "run") -> None:
        mark = {"run": {"id": run_id, "name": name}}
        self.runs.asked(Frame("w-1", "b-1", "rpc", b"{}", (), mark), INSTANCE)

    def answer(self, run_id: str, *buffers: bytes, state: str = "done") -> bool:
        return self.runs.heard(answer(run_id, *buffers, state=state), INSTANCE)

    def report(self, **said: Any) -> bool:
        frame = Frame("", "w-1", "run", json.dumps(said).encode())
        return self.runs.heard(frame, INSTANCE)

    async def anew(self, **limits: Any) -> Book:
        """Return what an engine finds that comes after this one."""
        await self.runs.close()
        later = Book(self.directory, **limits)
        await later.runs.open()
        return later


def answer(run_id: str, *buffers: bytes, state: str = "done") -> Frame:
    mark = {"run": {"id": run_id, "state": state}}
    return Frame("b-1", "w-1", "rpc", b'{"type": "callback"}', buffers, mark)


async def result(book: Book, run_id: str) -> Frame | None:
    return await book.runs.result(book.runs.find(run_id, "default"))


async def test_a_run_is_followed_waited_for_and_its_result_kept(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1", "train")
    waiting = asyncio.ensure_future(book.runs.wait("r-1", "default"))
    assert book.report(id="r-1", progress=0.25)
    assert book.report(id="r-1", status="epoch 3")
    book.clock.advance(60)
    assert book.answer("r-1", b"weights")
    run = await waiting
    assert (run.state, run.progress, run.status, run.name) == ("done", 0.25, "epoch 3", "train")
    assert run.ended is not None
    assert run.ended - run.started == 60
    assert [each.state for each in book.told] == ["running"] * 3 + ["done"]
    assert (await result(book, "r-1")) == answer("r-1", b"weights")
    assert run in book.runs.of_workspace("default")
    await book.runs.close()


@pytest.mark.parametrize("words", ["KeyError: 'x'", None, ["KeyError"], "x" * 1000])
async def test_a_run_that_failed_says_what_it_raised(tmp_path: Path, words: Any) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    mark = {"run": {"id": "r-1", "state": "failed", "error": words}}
    book.runs.heard(Frame("b-1", "w-1", "rpc", b"{}", (), mark), INSTANCE)
    book = await book.anew()
    said = book.runs.find("r-1", "default").as_dict()["error"]
    is_kept = isinstance(words, str)
    assert said == ({"code": "raised", "message": words[:300]} if is_kept else None)
    await book.runs.close()


async def test_runs_under_way_are_counted_by_their_instance(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for run_id in ("r-1", "r-2", "r-3"):
        book.ask(run_id)
    book.answer("r-2")
    assert book.runs.under_way() == {"i-1": 2}
    await book.runs.close()


async def test_a_big_result_is_put_together_from_its_chunks(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    big = answer("r-1", bytes(range(256)) * 8192, b"small")
    for piece in cut(big, 7):
        assert book.runs.heard(piece, INSTANCE)
    assert await result(book, "r-1") == big
    other = Frame("b-1", "w-1", "rpc", b"{}", (b"x" * (2 << 20),))
    assert not any(book.runs.heard(piece, INSTANCE) for piece in cut(other, 8))
    await book.runs.close()


async def test_the_next_engine_knows_the_runs_and_says_which_are_lost(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for run_id in ("r-done", "r-failed", "r-cancelled", "r-open"):
        book.ask(run_id)
    book.answer("r-done", b"kept")
    book.answer("r-failed", state="failed")
    book.answer("r-cancelled", state="cancelled")
    later = await book.anew()
    states = {run.id: run.state for run in later.runs.of_workspace("default")}
    assert states == {
        "r-done": "done",
        "r-failed": "failed",
        "r-cancelled": "cancelled",
        "r-open": "lost",
    }
    assert await result(later, "r-done") == answer("r-done", b"kept")
    # Its plugin may have outlived the engine.
    assert later.answer("r-open", b"late")
    assert later.runs.find("r-open", "default").state == "done"
    assert await result(later, "r-open") == answer("r-open", b"late")
    await later.runs.close()


async def test_the_runs_of_a_plugin_that_outlived_its_engine_go_on(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    later = await book.anew()
    later.runs.instance_found(INSTANCE)
    waiting = asyncio.ensure_future(later.runs.wait("r-1", "default"))
    assert not (await asyncio.wait({waiting}, timeout=0.01))[0]
    later.answer("r-1", b"late")
    assert (await waiting).state == "done"
    await later.runs.close()


async def test_runs_end_with_their_plugin(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    waiting = asyncio.ensure_future(book.runs.wait("r-1", "default"))
    assert not (await asyncio.wait({waiting}, timeout=0.01))[0]
    book.runs.instance_ended(INSTANCE)
    run = await waiting
    assert run.state == "failed"
    assert run.error == INSTANCE.gone_reason()
    assert await result(book, "r-1") is None
    await book.runs.close()


async def test_only_its_own_plugin_can_answer_a_run_and_only_once(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    other: Any = Instance()
    other.id = "i-2"
    book.runs.heard(answer("r-1"), other)
    book.runs.heard(Frame("", "w-2", "run", b'{"id": "r-1", "progress": 1}'), other)
    assert book.runs.find("r-1", "default").state == "running"
    assert book.runs.find("r-1", "default").progress is None
    book.answer("r-1", b"first")
    book.answer("r-1", b"second")
    assert await result(book, "r-1") == answer("r-1", b"first")
    book.report(id="r-1", progress=0.5)
    assert book.runs.find("r-1", "default").progress is None
    await book.runs.close()


@pytest.mark.parametrize(
    "mark", [None, "r-1", {}, {"id": 7}, {"id": "../up"}, {"id": "x" * 65}, {"id": ""}]
)
async def test_a_mark_that_is_none_makes_no_run(tmp_path: Path, mark: Any) -> None:
    book = Book(tmp_path)
    book.runs.asked(Frame("w-1", "b-1", "rpc", b"{}", (), {"run": mark}), INSTANCE)
    assert book.told == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"id": "r-1", "progress": true}'])
async def test_a_report_that_says_nothing_changes_nothing(tmp_path: Path, body: bytes) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    before = book.runs.find("r-1", "default")
    assert book.runs.heard(Frame("", "w-1", "run", body), INSTANCE)
    assert book.runs.find("r-1", "default") == before
    await book.runs.close()


async def test_a_run_that_was_cancelled_says_so_until_its_function_ends(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for run_id in ("r-person", "r-caller"):
        book.ask(run_id)
    assert book.runs.unwanted(book.runs.find("r-person", "default")).unwanted
    assert book.report(id="r-caller", unwanted=True)
    assert book.report(id="r-caller", progress=0.5)
    for run in book.runs.of_workspace("default"):
        assert (run.state, run.unwanted) == ("running", True)
    assert [run.unwanted for run in book.told] == [False, False, True, True, True]
    # Also for the next engine, where its plugin outlives this one.
    later = await book.anew()
    later.runs.instance_found(INSTANCE)
    assert later.runs.find("r-person", "default").unwanted
    later.answer("r-person", state="cancelled")
    assert later.runs.find("r-person", "default").state == "cancelled"
    await later.runs.close()


async def test_a_run_of_another_workspace_is_not_there(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.ask("r-1")
    with pytest.raises(NotFoundError) as caught:
        book.runs.find("r-1", "theirs")
    # Pages and Python clients have names of their own for what the wire calls list_runs.
    assert caught.value.hint.endswith("see the list of runs.")
    with pytest.raises(NotFoundError):
        await book.runs.wait("r-1", "theirs")
    assert book.runs.of_workspace("theirs") == []
    await book.runs.close()


async def test_old_runs_are_forgotten_with_their_files(tmp_path: Path) -> None:
    book = Book(tmp_path, max_runs_kept=2)
    book.ask("r-open")
    for number in range(4):
        book.ask(f"r-{number}")
        book.clock.advance(1)
        book.answer(f"r-{number}", b"x")
    assert [run.id for run in book.runs.of_workspace("default")] == ["r-open", "r-2", "r-3"]
    await book.runs.close()
    names = sorted(path.name for path in (tmp_path / "default").iterdir())
    assert names == ["r-2.result", "r-2.run", "r-3.result", "r-3.run", "r-open.run"]


async def test_results_are_bounded_in_size_and_age(tmp_path: Path) -> None:
    book = Book(tmp_path, runs_bytes=1500, run_result_bytes=1000, run_kept_s=100)
    for number, size in enumerate([900, 2000, 900, 10]):
        book.ask(f"r-{number}")
        book.answer(f"r-{number}", bytes(size))
        book.clock.advance(1)
    assert [run.id for run in book.runs.of_workspace("default")] == ["r-1", "r-2", "r-3"]
    assert await result(book, "r-1") is None
    book.clock.advance(1000)
    book.ask("r-4")
    book.answer("r-4")
    assert [run.id for run in book.runs.of_workspace("default")] == ["r-4"]
    await book.runs.close()


async def test_a_damaged_file_costs_its_own_run_only(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for run_id in ("r-1", "r-2"):
        book.ask(run_id)
        book.answer(run_id, b"fine")
    await book.runs.close()
    (tmp_path / "default" / "r-1.run").write_bytes(b"rubbish")
    content = (tmp_path / "default" / "r-2.result").read_bytes()
    (tmp_path / "default" / "r-2.result").write_bytes(content[:-3])
    later = await book.anew()
    assert [run.id for run in later.runs.of_workspace("default")] == ["r-2"]
    assert await result(later, "r-2") is None
    await later.runs.close()


async def test_what_is_known_by_now_is_on_disk_when_it_is_said_to_be(tmp_path: Path) -> None:
    book = Book(tmp_path)
    assert book.runs.written() is None
    book.ask("r-1")
    book.answer("r-1", b"the result")
    written = book.runs.written()
    assert written is not None
    await asyncio.wait_for(written, 5)
    (result,) = tmp_path.rglob("r-1.result")
    assert b"the result" in result.read_bytes()
    await book.runs.close()
    assert book.runs.written() is None
