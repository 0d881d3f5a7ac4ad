from __future__ import annotations

import pytest
from click.testing import CliRunner

from imjoy_engine.cli import cli


@pytest.mark.parametrize("words", [["--help"], ["env", "--help"]])
def test_what_a_command_does_is_said_in_a_line_that_is_whole(words):
    text = CliRunner().invoke(cli, words, terminal_width=80).output
    lines = text.partition("Commands:")[2].splitlines()
    assert len(lines) > 5
    assert [line for line in lines if line.endswith("...")] == []
