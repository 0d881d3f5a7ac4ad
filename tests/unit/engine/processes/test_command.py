from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_engine.processes import Command


def test_it_is_told_as_words_between_zeros() -> None:
    command = Command(
        ["run", "a b"],
        {"NAME": "x=y"},
        Path("/there"),
        grace_s=0.5,
        read_only=(Path("/a"), Path("/b")),
        writable=(Path("/a/c"),),
    )
    length, _, body = command.told("first").partition(b"\n")
    assert int(length) == len(body)
    assert body.split(b"\0") == [
        *(b"first", b"0.5", b"r/a\nr/b\nw/a/c", b"/there", b"2", b"run", b"a b", b"NAME=x=y")
    ]


@pytest.mark.parametrize(
    ("argv", "environment"),
    [(["run\0other"], {}), (["run"], {"NAME": "a\0OTHER=b"}), (["run"], {"NA=ME": "a"})],
)
def test_words_that_would_be_others_are_refused(
    argv: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(OSError, match="zero byte"):
        Command(argv, environment, Path("/")).told()
