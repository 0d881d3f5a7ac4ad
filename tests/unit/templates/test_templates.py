"""Every template is a whole plugin file that the list of templates can show."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from imjoy_engine.gateway.api import list_templates

TEMPLATES = Path(__file__).resolve().parents[3] / "plugin_templates"
FILES = sorted(TEMPLATES.glob("*/*.imjoy.html"))
TYPES = {"native-python", "window", "web-worker", "web-python"}


def block(path, tag):
    return re.search(rf"<{tag}[^>]*>\n(.*?)</{tag}>", path.read_text("utf-8"), re.DOTALL)[1]


def test_all_four_types_have_a_template():
    assert {each["type"] for each in list_templates(TEMPLATES)} == TYPES
    assert [each["path"] for each in list_templates(TEMPLATES)] == [
        path.relative_to(TEMPLATES).as_posix() for path in FILES
    ]


def test_names_are_not_used_twice():
    names = [each["name"] for each in list_templates(TEMPLATES)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_template_is_complete(path):
    assert path.name == f"{path.parent.name}.imjoy.html"
    config = json.loads(block(path, "config"))
    assert config["api_version"] == "0.1.8"
    assert len(config["name"]) <= 48
    assert "/" not in config["name"]
    assert 0 < len(config["description"]) <= 256
    for key in ("flags", "tags", "requirements", "dependencies"):
        assert isinstance(config[key], list), key
    for key in ("inputs", "outputs"):
        assert isinstance(config[key], dict), key
    assert 7 <= len(block(path, "docs").strip().splitlines()) <= 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_template_has_one_script_that_exports(path):
    text = path.read_text("utf-8")
    assert text.count("</script>") == 1
    script = text.rpartition("<script lang=")[2].partition("</script>")[0]
    if '<script lang="python">' in text:
        script = text.partition('<script lang="python">\n')[2].partition("</script>")[0]
        ast.parse(script)
    assert script.rstrip().splitlines()[-1].startswith("api.export(")
