from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from imjoy_engine.plugins.consent import Consents, Question

COMMANDS = ("make all", "./configure --with-x")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "consents.json"


def test_nothing_is_allowed_until_somebody_has(path):
    consents = Consents(path)

    assert not consents.covers("P", COMMANDS)

    consents.remember("P", COMMANDS)

    assert consents.covers("P", COMMANDS)
    assert Consents(path).covers("P", COMMANDS[:1]), "an engine that is started anew knows it too"


@pytest.mark.parametrize(
    ("plugin", "command"),
    [("Q", "make all"), ("P", "make  all"), ("P", "make all;rm -rf ~"), ("P", "")],
    ids=["another plugin", "another space", "more words", "no words"],
)
def test_a_yes_is_for_one_plugin_and_exactly_these_words(path, plugin, command):
    consents = Consents(path)
    consents.remember("P", COMMANDS)

    assert not consents.covers(plugin, [command])


def test_all_of_them_must_be_allowed(path):
    consents = Consents(path)
    consents.remember("P", COMMANDS[:1])

    assert not consents.covers("P", COMMANDS)


def test_a_setting_allows_everything(path):
    assert Consents(path, allow_all=True).covers("anybody", COMMANDS)


@pytest.mark.parametrize("content", ["", "[]", "{"])
def test_a_file_that_cannot_be_read_allows_nothing(path, content):
    path.parent.mkdir()
    path.write_text(content)
    consents = Consents(path)

    assert not consents.covers("P", COMMANDS)

    consents.remember("P", COMMANDS)
    assert consents.covers("P", COMMANDS)


def test_the_file_says_who_was_allowed_what_and_when(path):
    Consents(path, now=lambda: 7.0).remember("P", COMMANDS[:1])

    (entry,) = json.loads(path.read_text()).values()
    assert entry == {"plugin": "P", "command": "make all", "allowed_s": 7.0}


class Told:
    """What the clients were told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **payload: Any) -> None:
        self.events.append((event, payload))

    @property
    def question(self) -> str:
        return str(self.events[0][1]["question"])


async def asked(question: Question, told: Told) -> asyncio.Task[bool]:
    task = asyncio.create_task(question.ask(COMMANDS))
    while not told.events:
        await asyncio.wait((asyncio.ensure_future(asyncio.to_thread(int)),))
    return task


@pytest.mark.parametrize("allow", [True, False])
async def test_the_first_answer_counts(allow):
    told = Told()
    question = Question(told)
    task = await asked(question, told)
    assert question.open() == [{"question": told.question, "commands": list(COMMANDS)}]

    assert question.answer(told.question, allow=allow)
    assert not question.answer(told.question, allow=not allow)

    assert await task is allow
    assert [name for name, _ in told.events] == ["consent", "consent_settled"]
    assert question.open() == []


async def test_an_answer_to_what_nobody_asked_is_none():
    assert not Question(Told()).answer("q_0", allow=True)


async def test_when_nobody_is_left_to_see_it_the_answer_is_no():
    told = Told()
    question = Question(told)
    task = await asked(question, told)

    question.refuse()

    assert await task is False


async def test_a_cancelled_question_is_withdrawn():
    told = Told()
    question = Question(told)
    task = await asked(question, told)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert told.events[-1] == ("consent_settled", {"question": told.question})
    assert not question.answer(told.question, allow=True)
