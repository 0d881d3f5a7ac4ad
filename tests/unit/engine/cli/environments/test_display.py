from __future__ import annotations

import io
import json

from rich.console import Console

from imjoy_engine.cli.environments.display import shown_progress
from imjoy_engine.environments import Phase, Progress

STEPS = [
    Progress(Phase.RESOLVE, message="Choosing versions"),
    Progress(Phase.DOWNLOAD, "numpy", 1_000_000, 4_000_000, "bytes"),
    Progress(Phase.DOWNLOAD, "numpy", 4_000_000, 4_000_000, "bytes"),
    Progress(Phase.LINK, "", 1, 2, "packages", "Putting 2 packages into place"),
]


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def test_a_log_gets_one_line_for_every_step(capsys):
    with shown_progress(console=console(terminal=False)) as heard:
        for step in STEPS:
            heard(step)

    lines = ["Choosing versions", "Download numpy", "Putting 2 packages into place"]
    assert capsys.readouterr().err.splitlines() == lines


def test_a_program_gets_everything_as_objects(capsys):
    with shown_progress(as_json=True) as heard:
        for step in STEPS:
            heard(step)

    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event["phase"] for event in events] == ["resolve", "download", "download", "link"]
    assert events[1]["done"] == 1_000_000
    assert all(event["event"] == "progress" and event["elapsed_s"] >= 0 for event in events)


def test_a_terminal_gets_a_bar_that_says_what_and_how_much():
    screen = console(terminal=True)
    with shown_progress(console=screen) as heard:
        for step in STEPS[:2]:
            heard(step)

    assert isinstance(screen.file, io.StringIO)
    words = screen.file.getvalue()
    assert "Download numpy" in words
    assert "1 MB of 4 MB" in words
