from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_client.errors import PluginFileError
from imjoy_client.plugin_file import read_plugin
from imjoy_client.python_script import config_of_script, is_python_script
from imjoy_engine.environments import EnvironmentSpec, spec_from_config
from imjoy_engine.errors import UnsupportedSpecError

PYTHON = """#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy", "tifffile>=2024"]
# [tool.imjoy]
# name = "Plain"
# flags = ["single-instance"]
# requirements = "pip: scipy"
# [tool.imjoy.environment]
# allow_build = true
# [tool.uv]
# exclude-newer = 2024-01-01T00:00:00Z
# ///
from imjoy import api
"""


def test_its_metadata_are_the_plugins_config(tmp_path: Path):
    (tmp_path / "plain.py").write_text(PYTHON)

    plugin = read_plugin(tmp_path / "plain.py")

    assert plugin.filename == "plain.py"
    assert plugin.scripts[0].content == PYTHON
    assert plugin.scripts[0].first_line == 1
    assert plugin.config["name"] == "Plain"
    assert plugin.config["type"] == "native-python"
    assert plugin.config["flags"] == ["single-instance"]
    assert spec_from_config(plugin.config) == EnvironmentSpec(
        python=">=3.9",
        pip=("numpy", "scipy", "tifffile>=2024"),
        allow_build=True,
        exclude_newer="2024-01-01",
    )
    assert read_plugin(PYTHON).filename == "Plain.py"


def test_a_script_saved_on_windows():
    plugin = read_plugin(PYTHON.replace("\n", "\r\n"))

    assert "tifffile>=2024" in plugin.config["requirements"]
    assert plugin.scripts[0].content == PYTHON


def test_what_a_script_tells_uv_of_its_packages_is_refused_by_name():
    told = '# /// script\n# [tool.imjoy]\n# name = "X"\n# [tool.uv]\n# link-mode = "copy"\n'

    spec_from_config(config_of_script(told + "# ///\n"))
    with pytest.raises(UnsupportedSpecError, match=r"\[tool\.uv\] sources"):
        spec_from_config(config_of_script(told + "# sources = {}\n# ///\n"))


def test_a_script_that_needs_nothing():
    config = config_of_script('# /// script\n# [tool.imjoy]\n# name = "X"\n# ///\n')

    assert config["requirements"] == []
    assert "env" not in config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# /// script\n# dependencies = []\n# ///\n", r"no \[tool.imjoy\] with a name"),
        ("# /// script\n# x =\n# ///\n", r"no TOML: .* line 2"),
    ],
)
def test_what_is_no_plugin_says_so(text, words):
    with pytest.raises(PluginFileError, match=words):
        read_plugin(text)


def test_other_texts_are_none():
    assert not is_python_script("import numpy")
    assert not is_python_script(f"<config>{{}}</config>{PYTHON}")
