from __future__ import annotations

from pathlib import Path

import pytest

from imjoy_engine.cli.environments.wanted import Wanted, read_wanted
from imjoy_engine.environments import Choices, EnvironmentSpec
from imjoy_engine.errors import EngineError, UsageError

HTML = """
<docs>nothing</docs>
<config lang="{lang}">
{text}
</config>
<script lang="python">pass</script>
"""
JSON = '{"name": "P", "tags": ["a", "b"], "requirements": {"a": ["numpy"], "b": ["scipy"]}}'
SCRIPT = """# /// script
# dependencies = ["numpy"]
# [tool.imjoy]
# name = "Scripted"
# ///
"""


def read(*sources: str, tag: str | None = None, **choices: object) -> Wanted:
    return read_wanted(sources, Choices.read(choices), tag=tag)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("requirements.txt", "numpy\nsix\n", Wanted(EnvironmentSpec(pip=("numpy", "six")))),
        (
            "environment.yml",
            "dependencies: [numpy=2]\n",
            Wanted(EnvironmentSpec(conda=("numpy=2",))),
        ),
        ("a.py", SCRIPT, Wanted(EnvironmentSpec(pip=("numpy",)), "Scripted")),
        ("plain.py", "import os\n", Wanted(EnvironmentSpec(), "plain")),
        (
            "P.imjoy.html",
            HTML.format(lang="yaml", text="name: Y\nrequirements: [six]"),
            Wanted(EnvironmentSpec(pip=("six",)), "Y"),
        ),
    ],
    ids=["requirements", "conda", "script", "plain script", "yaml plugin"],
)
def test_a_file_says_what_it_wants(tmp_path, name, text, wanted):
    (tmp_path / name).write_text(text)

    assert read(str(tmp_path / name)) == wanted


def test_a_plugin_with_tags_is_read_for_one(tmp_path: Path):
    path = tmp_path / "P.imjoy.html"
    path.write_text(HTML.format(lang="json", text=JSON))

    assert read(str(path), tag="b") == Wanted(EnvironmentSpec(pip=("scipy",)), "P")


def test_words_are_packages_and_a_name_is_a_named_environment():
    assert read("six", "numpy>=2").spec.pip == ("numpy>=2", "six")
    assert read("envs/scientific").spec.named == "scientific"


def test_what_a_person_says_counts():
    spec = read("six", python="3.9", allow_build=True).spec

    assert (spec.python, spec.allow_build) == ("3.9", True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("missing.txt", None),
        ("a.html", "<p>no plugin</p>"),
        ("a.html", HTML.format(lang="json", text="{")),
        ("a.html", HTML.format(lang="json", text="[]")),
        ("a.html", HTML.format(lang="yaml", text="a: [")),
    ],
)
def test_a_file_that_says_nothing_is_refused(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)

    with pytest.raises(UsageError) as caught:
        read(str(tmp_path / name))
    assert caught.value.exit_code == 2


def test_what_is_no_package_is_refused():
    with pytest.raises(EngineError):
        read("-r")
