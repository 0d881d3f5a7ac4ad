"""What the documents say is true: their links lead somewhere, their plugins are plugins."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from imjoy_client.plugin_file import read_plugin
from imjoy_engine.cli.serve import serve

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "engine" / "README.md"])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
_BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_blocks_can_be_read(path: Path) -> None:
    for language, code in _BLOCK.findall(path.read_text(encoding="utf-8")):
        if language == "python":
            compile(code, str(path), "exec", flags=_TOP_LEVEL_AWAIT)
        elif language == "html" and "<config" in code:
            plugin = read_plugin(code)
            for script in plugin.scripts:
                compile(script.content, plugin.filename, "exec", flags=_TOP_LEVEL_AWAIT)


_TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT: notebooks await, and so do our examples


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_engine_is_installed_from_a_directory(path: Path) -> None:
    """No package index has it."""
    for command in _INSTALL.findall(path.read_text(encoding="utf-8")):
        assert "imjoy-engine" not in command.replace("./imjoy-engine", ""), command


def test_the_service_is_started_as_the_engine_can_be() -> None:
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    (unit,) = [code for language, code in _BLOCK.findall(text) if language == "ini"]
    sections = configparser.ConfigParser(interpolation=None)
    sections.optionxform = str  # type: ignore[assignment, method-assign]
    sections.read_string(unit)
    program, *options = sections["Service"]["ExecStart"].split()
    assert program.endswith("/.venv/bin/imjoy-engine")
    # Plugins that may detach are not ended with the engine.
    assert sections["Service"]["KillMode"] == "process"
    serve.make_context("serve", options)


_INSTALL = re.compile(r"pip install ([^`\n]+)")
