from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from imjoy_engine.cli.environments.looking import doctor, environments_table, of_the_store
from imjoy_engine.environments import Package, StoredEnvironment
from imjoy_engine.environments.lock import Lock

NOW_S = 1_000_000.0
ONE = StoredEnvironment(
    key="0123456789abcdef",
    prefix=Path("/store/envs/0123456789abcdef"),
    state="ready",
    builder="uv",
    python="3.11.7",
    packages=tuple(Package(f"package-{number}", "1.0") for number in range(6)),
    size_bytes=231_000_000,
    built_s=NOW_S - 86400 * 3,
    used_s=NOW_S - 60,
    in_use=True,
    pinned=True,
    private_to="",
    commands=(),
    lock=Lock(""),
)


def shown(*environments: StoredEnvironment) -> list[str]:
    console = Console(width=200, record=True, quiet=False, file=None)
    with console.capture() as captured:
        console.print(environments_table(list(environments), NOW_S))
    return captured.get().splitlines()


def test_a_row_says_what_a_person_wants_to_know():
    _, row = shown(ONE)

    for words in ("0123456789abcdef", "ready, in use, pinned", "3.11.7", "231 MB", "1 min ago"):
        assert words in row
    assert "package-0 1.0" in row
    assert "and 2 more" in row


def test_an_empty_or_broken_one_says_so():
    _, row = shown(replace(ONE, packages=(), state="broken", used_s=0.0, in_use=False))

    assert "broken, pinned" in row
    assert "never" in row
    assert "none" in row


def test_what_is_old_is_told_in_days():
    _, row = shown(replace(ONE, used_s=NOW_S - 86400 * 40))

    assert "40 days ago" in row


def test_a_store_that_can_be_written_or_made_is_sound(tmp_path):
    (tmp_path / "envs").mkdir()

    for store in (tmp_path, tmp_path / "not" / "yet"):
        assert [one["sound"] for one in of_the_store(store)] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["envs"]


def test_a_store_that_cannot_be_written_or_made_is_not_sound(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "store").mkdir()
    # Nobody may make files there.
    (tmp_path / "store" / "envs").symlink_to("/proc")

    for store, closed in (
        (Path("/proc/store"), "/proc"),
        (tmp_path / "file" / "store", f"{tmp_path}/file"),
        (tmp_path / "store", f"{tmp_path}/store/envs"),
    ):
        (one,) = of_the_store(store)
        assert not one["sound"]
        assert one["words"].startswith(f"{closed} cannot be written to")


@pytest.mark.parametrize("place", ["/proc", "/proc/store"])
def test_the_doctor_ends_with_1_when_the_store_cannot_be_written(place, monkeypatch):
    monkeypatch.setenv("IMJOY_ENGINE_STORE", place)

    done = CliRunner().invoke(doctor, [])

    assert done.exit_code == 1
    assert "/proc cannot be written to" in done.output
