from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from imjoy_engine.cli.running import NoEngineError
from imjoy_engine.cli.secret import token
from imjoy_engine.gateway.auth import load_secret


@pytest.mark.parametrize("words", [[], ["--rotate"]])
def test_a_directory_that_no_engine_has_known_gets_no_token(tmp_path: Path, words):
    with pytest.raises(NoEngineError, match=str(tmp_path)) as refused:
        CliRunner().invoke(token, [*words, "--workspace", str(tmp_path)], catch_exceptions=False)
    assert refused.value.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_the_token_of_a_workspace_is_told_also_while_no_engine_runs(tmp_path: Path):
    secret = load_secret(tmp_path / ".imjoy-engine" / "token")
    said = CliRunner().invoke(token, ["--workspace", str(tmp_path)], catch_exceptions=False)
    assert said.output.strip() == secret
    said = CliRunner().invoke(
        token, ["--rotate", "--workspace", str(tmp_path)], catch_exceptions=False
    )
    assert said.output.strip() not in ("", secret)
