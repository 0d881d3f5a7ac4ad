from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_engine.processes.memory_kills import MemoryKills


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((3, 9), (4, 10), "out of memory: the kernel ended it"),
        ((None, 9), (None, 10), "out of memory, it seems"),
        ((3, 9), (3, 10), "out of memory, it seems"),
        ((3, 9), (3, 9), "from outside of the engine"),
        ((None, 9), (None, 9), "from outside of the engine"),
        ((None, None), (None, None), "out of memory?"),
    ],
)
def test_words(before, after, words):
    assert words in MemoryKills(*after).words_since(MemoryKills(*before))


def machine(root: Path, cgroup: str, files: dict[str, str]) -> MemoryKills:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(cgroup)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return MemoryKills.counted(root / "proc", root / "groups")


def test_counters_of_the_second_kind_of_groups(tmp_path):
    kills = machine(
        tmp_path,
        "0::/user.slice/engine\n",
        {
            "proc/vmstat": "nr_free_pages 7\noom_kill 12\n",
            "groups/user.slice/engine/memory.events": "low 0\noom 3\noom_kill 2\n",
        },
    )
    assert kills == MemoryKills(own=2, all=12)


def test_counters_of_the_first_kind_of_groups(tmp_path):
    kills = machine(
        tmp_path,
        "4:memory:/engine\n1:cpu:/\n0::/\n",
        {"groups/memory/engine/memory.oom_control": "oom_kill_disable 0\noom_kill 5\n"},
    )
    assert kills == MemoryKills(own=5, all=None)


def test_a_system_that_counts_nothing(tmp_path):
    assert MemoryKills.counted(tmp_path, tmp_path) == MemoryKills(None, None)


def test_this_machine_can_be_asked():
    kills = MemoryKills.counted()
    assert kills.all is None or kills.all >= 0
