from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_client.errors import PluginFileError
from imjoy_client.plugin_file import made_plugin, read_plugin

PLUGIN = """<docs lang="markdown">
# Notes
</docs>
<config lang="json">
{"name": "Two", "type": "native-python", "tags": ["CPU", "GPU"]}
</config>
<script lang="javascript">alert(1)</script>
<script lang="python" tag="CPU">
a = 1
</script>
<script lang="python" tag="GPU">
b = 2
</script>
<script lang="python">
c = 3
</script>
"""


def test_config_and_scripts_with_their_lines() -> None:
    plugin = read_plugin(PLUGIN)
    assert plugin.config["name"] == "Two"
    assert plugin.config["tag"] == "CPU"
    assert [(script.content, script.first_line) for script in plugin.scripts] == [
        ("\na = 1\n", 8),
        ("\nc = 3\n", 14),
    ]
    assert plugin.filename == "Two.imjoy.html"


def test_a_file_keeps_its_name_and_loses_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "my.imjoy.html"
    path.write_text("\ufeff" + PLUGIN, encoding="utf-8")
    assert read_plugin(path).filename == "my.imjoy.html"
    assert read_plugin(str(path)).config["name"] == "Two"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<html>\n</html>", "no <config> block"),
        ('<config lang="json">\n{"name": }\n</config>', "cannot be read"),
        ('<config lang="json">\n["name"]\n</config>', 'has no "name"'),
        ('<config lang="json">\n{}\n</config>', 'has no "name"'),
        ('<config lang="json">\n{"name": "A"}\n</config>', 'no <script lang="python">'),
    ],
)
def test_what_is_no_plugin_is_said_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(PluginFileError, match=words):
        read_plugin(text)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(PluginFileError, match="cannot be read: No such file"):
        read_plugin(Path("nowhere.imjoy.html"))


def test_a_python_script_without_metadata_is_told_what_it_lacks(tmp_path):
    (tmp_path / "plain.py").write_text("print(1)\n")
    with pytest.raises(PluginFileError, match=r"Python script is no plugin.*# /// script"):
        read_plugin(tmp_path / "plain.py")
    with pytest.raises(PluginFileError, match=r"no <config> block.*# /// script"):
        read_plugin("import numpy\nprint(1)\n")


def test_a_config_that_is_no_json_is_said():
    with pytest.raises(PluginFileError, match=r"no JSON: .*PosixPath"):
        made_plugin({"name": "Trial", "folder": Path("there")}, "x = 1")


@pytest.mark.parametrize("script", ["x = '</SCRIPT>'", "x = '<!-- <script>'"])
def test_a_script_that_would_end_early_in_a_file_has_none(script):
    assert made_plugin({"name": "Trial"}, script).text == ""
    assert read_plugin(made_plugin({"name": "Trial"}, "x = '<b>'").text).scripts[0].content == (
        "x = '<b>'"
    )
