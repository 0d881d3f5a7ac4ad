from __future__ import annotations

import os
from pathlib import Path

import pytest

from imjoy_engine.app.workspace import locked_workspace
from imjoy_engine.errors import MachineError, WorkspaceTakenError


def test_a_second_engine_is_refused_with_the_firsts_name(tmp_path: Path) -> None:
    state = tmp_path / ".imjoy-engine"
    with locked_workspace(state) as lock:
        lock.describe(url="http://127.0.0.1:9527")
        with pytest.raises(WorkspaceTakenError) as caught, locked_workspace(state):
            pass
        assert f"process {os.getpid()}" in caught.value.message
        assert "at http://127.0.0.1:9527" in caught.value.message
        assert "--workspace" in caught.value.hint
    with locked_workspace(state):
        pass


def test_a_lock_whose_holder_has_not_said_its_name_is_refused_too(tmp_path: Path) -> None:
    with (
        locked_workspace(tmp_path / "s"),
        pytest.raises(WorkspaceTakenError, match="Another engine already runs"),
        locked_workspace(tmp_path / "s"),
    ):
        pass


def test_a_workspace_that_cannot_be_made_is_the_persons_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(MachineError, match="cannot be used"),
        locked_workspace(tmp_path / "file" / "state"),
    ):
        pass
