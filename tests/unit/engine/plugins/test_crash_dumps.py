from __future__ import annotations

from imjoy_engine.plugins.crash_dumps import CrashDump

FATAL = ["Fatal Python error: Segmentation fault", ""]
CRASHED = ["Current thread 0x00007f58d74616c0 (most recent call first):", '  File "P", line 6 in f']
WAITED = [
    "",
    "Thread 0x00007f58d8bc1b80 (most recent call first):",
    '  File "s.py", line 1 in wait',
]
MODULES = ["", "Extension modules: numpy.core._multiarray_umath (total: 1)"]


def kept(*parts: list[str]) -> list[str]:
    dump = CrashDump()
    return [line for part in parts for line in part if line and not dump.is_beside(line)]


def test_the_thread_that_crashed_is_kept_and_those_after_it_are_not() -> None:
    assert kept(["before"], FATAL, CRASHED, WAITED, WAITED, MODULES) == [
        "before",
        FATAL[0],
        *CRASHED,
    ]


def test_what_comes_before_it_is_kept_since_it_may_be_all_there_is() -> None:
    assert kept(FATAL, WAITED) == [FATAL[0], *WAITED[1:]]
    assert kept(FATAL, WAITED, CRASHED) == [FATAL[0], *WAITED[1:], *CRASHED]


def test_what_is_printed_after_a_dump_is_kept() -> None:
    """A process of the plugin's pool has crashed, and the plugin goes on."""
    assert kept(FATAL, CRASHED, WAITED, ["going on"], WAITED)[-3:] == ["going on", *WAITED[1:]]
