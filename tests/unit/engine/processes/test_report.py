from __future__ import annotations

import pytest

from imjoy_engine.processes import ExitReport, Ladder
from imjoy_engine.processes.report import signal_name, words_for


@pytest.mark.parametrize(
    ("exit_code", "signal", "asked", "words"),
    [
        (0, None, None, "finished"),
        (3, None, None, "exited with code 3"),
        (0, None, "cancel", "stopped on request (exit code 0)"),
        (None, "SIGKILL", None, "killed by SIGKILL (out of memory?)"),
        (None, "SIGSEGV", None, "segmentation fault (SIGSEGV)"),
        (None, "SIGSEGV", "SIGTERM", "segmentation fault (SIGSEGV)"),
        (None, "SIGTERM", "SIGTERM", "stopped on request (SIGTERM)"),
        (None, "SIGINT", "SIGKILL", "stopped on request (SIGINT)"),
        (None, "SIGTERM", None, "terminated (SIGTERM)"),
        (None, "SIGUSR1", None, "killed by SIGUSR1"),
        (None, None, None, "ended unseen: its supervising process was killed"),
    ],
)
def test_an_end_in_words(exit_code, signal, asked, words):
    assert words_for(exit_code, signal, asked=asked) == words


def test_signals_have_names():
    assert signal_name(11) == "SIGSEGV"
    assert signal_name(40) == "signal 40"


def test_a_report_travels_as_a_dict():
    report = ExitReport(7, None, "SIGSEGV", "segmentation fault (SIGSEGV)", 4096, 1.23456)

    assert report.as_dict() == {
        "pid": 7,
        "exit_code": None,
        "signal": "SIGSEGV",
        "words": "segmentation fault (SIGSEGV)",
        "maxrss_bytes": 4096,
        "duration_s": 1.235,
    }


def test_the_shortest_ladder_only_kills():
    assert Ladder.at_once() == Ladder(cancel_s=0, interrupt_s=0, terminate_s=0)
