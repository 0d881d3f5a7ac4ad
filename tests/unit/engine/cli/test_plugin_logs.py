from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from imjoy_engine.cli.plugin_logs import _chosen, _which, logs


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two runs of a plugin, of which the one that began first has printed last."""
    directory = tmp_path / ".imjoy-engine" / "logs" / "default"
    directory.mkdir(parents=True)
    for age_s, instance in ((100, "i_page"), (1, "i_script")):
        path = directory / f"Nuclei.{instance}.log"
        path.write_text(f"of {instance}\n")
        changed_s = path.stat().st_mtime - age_s
        os.utime(path, (changed_s, changed_s))
    return tmp_path


def shown(workspace: Path, *words: str) -> tuple[str, str]:
    said = CliRunner().invoke(
        logs, ["Nuclei", *words, "--workspace", str(workspace)], catch_exceptions=False
    )
    return said.stdout, said.stderr


def test_one_that_runs_is_shown_before_one_that_has_printed_last(workspace):
    directory = workspace / ".imjoy-engine" / "logs"
    file, others = _chosen(directory, "nuclei", None, {"i_page"})
    assert (file.instance, [other.instance for other in others]) == ("i_page", ["i_script"])
    words = _which(file, others, runs=True)
    assert words == "Nuclei: i_page, which runs; 1 other: --instance i_script"


def test_without_an_engine_the_last_is_shown_and_named(workspace):
    out, err = shown(workspace)
    assert out == "of i_script\n"
    assert "i_script, its last run; 1 other: --instance i_page" in err


def test_who_names_a_run_needs_no_word_more(workspace):
    assert shown(workspace, "--instance", "i_page") == ("of i_page\n", "")
