from __future__ import annotations

from typing import Any

import pytest

from imjoy_worker.promise import Promise
from imjoy_worker.told import MAX_PROGRESS, MAX_UNANSWERED, Told


def promise(label: str) -> Promise:
    return Promise(label, lambda function, *args: function(*args))


class Page:
    """A client that answers when the test says so."""

    def __init__(self) -> None:
        self.told = Told(promise)
        self.came: list[Any] = []
        self.unanswered: list[Promise] = []

    def tell(self, path: str, value: Any) -> Promise:
        def send() -> Promise:
            self.came.append(value)
            self.unanswered.append(promise(path))
            return self.unanswered[-1]

        return self.told.tell(path, "page", send)

    def answer(self) -> None:
        self.unanswered.pop(0).resolve(None)


def test_who_tells_something_does_not_wait_for_a_page_that_sleeps():
    page = Page()
    assert page.tell("log", "line").done()
    assert page.came == ["line"]
    assert not page.unanswered[0].done()


def test_of_progress_the_last_is_kept_while_nobody_answers():
    page = Page()
    for number in range(100):
        assert page.tell("progress", number).done()
    assert page.came == list(range(MAX_PROGRESS))
    page.answer()
    assert page.came[-1] == 99
    while page.unanswered:
        page.answer()
    assert len(page.came) == MAX_PROGRESS + 1
    page.tell("progress", "anew")
    assert page.came[-1] == "anew"


def test_lines_are_all_kept_and_too_many_make_their_plugin_wait():
    page = Page()
    waited_for = [page.tell("log", number) for number in range(MAX_UNANSWERED + 2)]
    assert page.came == list(range(MAX_UNANSWERED + 2))
    assert [each.done() for each in waited_for[-3:]] == [True, False, False]


def test_what_cannot_be_sent_is_raised_and_counts_for_nothing():
    page = Page()

    def fail() -> Promise:
        raise ValueError("a value that cannot be sent")

    for _ in range(MAX_PROGRESS + 1):
        with pytest.raises(ValueError, match="cannot be sent"):
            page.told.tell("progress", "page", fail)
    page.tell("progress", 1)
    assert page.came == [1]
