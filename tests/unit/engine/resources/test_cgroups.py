"""Control groups in a directory that looks like the kernel's; what the kernel does is its own."""

from __future__ import annotations

import pytest

from imjoy_engine.resources.cgroups import CgroupHome, find_cgroups

V1 = "9:name=systemd:/\n4:memory:/user\n2:cpu,cpuacct:/user\n0::/\n"


@pytest.fixture
def version_2(tmp_path):
    home = tmp_path / "user" / "scope"
    home.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (home / "cgroup.controllers").write_text("cpu memory pids\n")
    (home / "cgroup.procs").write_text("42\n")
    return tmp_path


def found(root, own="0::/user/scope\n"):
    home = find_cgroups(own, root=root, processes=[42])
    assert isinstance(home, CgroupHome), home
    return home


def text(path):
    return path.read_text().strip()


def test_version_2_holds_memory_and_processors(version_2):
    home = version_2 / "user" / "scope"
    group = found(version_2).new("i_1")
    group.limit(1000, 2)
    group.add(7)
    assert text(home / "engine" / "cgroup.procs") == "42"
    assert text(home / "cgroup.subtree_control") == "+memory +cpu"
    assert text(home / "imjoy-i_1" / "memory.max") == "1000"
    assert text(home / "imjoy-i_1" / "memory.oom.group") == "1"
    assert text(home / "imjoy-i_1" / "cpu.max") == "200000 100000"
    assert text(home / "imjoy-i_1" / "cgroup.procs") == "7"
    assert not group.ran_out_of_memory()
    (home / "imjoy-i_1" / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    assert group.ran_out_of_memory()


def test_what_the_engine_has_started_moves_along(version_2):
    home = version_2 / "user" / "scope"
    (home / "cgroup.procs").write_text("43\n")
    assert isinstance(
        find_cgroups("0::/user/scope\n", root=version_2, processes=[42, 43]), CgroupHome
    )
    assert text(home / "engine" / "cgroup.procs") == "43"


def test_version_1_has_a_directory_for_each(tmp_path):
    for name in ("memory", "cpu"):
        (tmp_path / name / "user").mkdir(parents=True)
    group = found(tmp_path, V1).new("i_1")
    group.limit(1000, 2)
    group.add(7)
    memory, cpu = tmp_path / "memory/user/imjoy-i_1", tmp_path / "cpu/user/imjoy-i_1"
    assert text(memory / "memory.limit_in_bytes") == "1000"
    assert text(cpu / "cpu.cfs_quota_us") == "200000"
    assert text(memory / "cgroup.procs") == text(cpu / "cgroup.procs") == "7"
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert group.ran_out_of_memory()


def test_a_group_is_removed_when_it_is_empty(version_2):
    group = found(version_2).new("i_1")
    group.remove()
    assert not group.memory.exists()
    group.remove()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda home: (home / "cgroup.procs").write_text("42\n43\n"), "Other processes share"),
        (lambda home: (home / "cgroup.controllers").write_text("pids\n"), "no controllers"),
        (lambda home: (home / "cgroup.procs").unlink(), "cannot be read"),
        (lambda home: (home / "engine").write_text("in the way"), "may not make control groups"),
    ],
)
def test_where_it_cannot_be_the_reason_is_said(version_2, change, words):
    change(version_2 / "user" / "scope")
    reason = find_cgroups("0::/user/scope\n", root=version_2, processes=[42])
    assert isinstance(reason, str)
    assert words in reason


def test_a_system_without_any(tmp_path):
    assert "no control groups" in str(find_cgroups("0::/\n", root=tmp_path))
