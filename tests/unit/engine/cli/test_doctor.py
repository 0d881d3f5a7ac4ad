from __future__ import annotations

from imjoy_engine.cli.doctor import _pythons_in_words, examine


def test_it_looks_at_everything_and_says_what_it_found(tmp_path):
    found = {finding.what: finding for finding in examine(tmp_path)}
    assert list(found)[:5] == ["engine", "uv", "Pythons", "store", "workspace"]
    assert found["uv"].verdict == "good"
    assert {"GPUs", "limits", "shared memory", "open files", "podman", "bwrap"} <= found.keys()
    assert all(finding.words for finding in found.values())
    assert {finding.verdict for finding in found.values()} <= {"good", "lacking", "broken"}


def test_pythons_that_no_plugin_runs_on_are_told_apart():
    words = _pythons_in_words({"3.6.15", "3.11.7", "3.8.18"})
    assert words == "3.8.18, 3.11.7 (too old for plugins: 3.6.15)"
    assert _pythons_in_words({"3.6.15"}) == "none (too old for plugins: 3.6.15)"
    assert _pythons_in_words(set()) == "none"


def test_a_store_that_cannot_be_written_is_broken(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("IMJOY_ENGINE_STORE", str(tmp_path / "file" / "store"))
    found = {finding.what: finding for finding in examine(tmp_path)}
    assert found["store"].verdict == "broken"
    assert "IMJOY_ENGINE_STORE" in found["store"].words
