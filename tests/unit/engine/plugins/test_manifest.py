from __future__ import annotations

from typing import Any

import pytest

from imjoy_engine.errors import ManifestError
from imjoy_engine.plugins.manifest import PluginManifest


def test_a_config_becomes_a_manifest() -> None:
    config = {
        "name": "Charts",
        "type": "native-python",
        "version": "0.1.0",
        "tag": "GPU",
        "flags": ["single-instance"],
        "requirements": ["numpy"],
    }
    manifest = PluginManifest.from_config(config)
    assert (manifest.name, manifest.version, manifest.tag) == ("Charts", "0.1.0", "GPU")
    assert manifest.flags == {"single-instance"}
    assert manifest.config["requirements"] == ["numpy"]
    assert manifest.as_dict() == {
        "name": "Charts",
        "type": "native-python",
        "version": "0.1.0",
        "tag": "GPU",
        "flags": ["single-instance"],
        "executor": "thread",
    }


def test_what_is_missing_has_a_default() -> None:
    manifest = PluginManifest.from_config({"name": "A", "flags": None, "tag": None})
    assert (manifest.type, manifest.version, manifest.tag) == ("native-python", "", "")
    assert manifest.executor == "thread"


@pytest.mark.parametrize("name", ["thread", "main-thread", "process"])
def test_where_functions_run_is_told_to_the_worker(name: str) -> None:
    manifest = PluginManifest.from_config({"name": "A", "executor": name})
    assert manifest.as_dict()["executor"] == name


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "not an object"),
        ([], "not an object"),
        ({}, "no name"),
        ({"name": ""}, "no name"),
        ({"name": "  "}, "no name"),
        ({"name": 7}, "no name"),
        ({"name": "a/b"}, "cannot be used"),
        ({"name": "a\nb"}, "cannot be used"),
        ({"name": "x" * 201}, "cannot be used"),
        ({"name": "A", "type": "window"}, "of type 'window'"),
        ({"name": "A", "type": {"a": "b"}}, "of type"),
        ({"name": "A", "tag": 3}, "tag is not text"),
        ({"name": "A", "flags": "single-instance"}, "flags are not a list"),
        ({"name": "A", "flags": [1]}, "flags are not a list"),
        ({"name": "A", "executor": "gpu"}, "executor is 'gpu'"),
        ({"name": "A", "executor": ["thread"]}, "executor is "),
    ],
)
def test_a_wrong_config_is_refused_in_one_sentence(config: Any, words: str) -> None:
    with pytest.raises(ManifestError, match=words) as caught:
        PluginManifest.from_config(config)
    assert caught.value.hint
    assert caught.value.fault == "plugin"


def test_a_flag_that_is_nearly_one_is_doubted():
    config = {"name": "A", "flags": ["allow-detatch", "single-instance", "passive"]}
    assert PluginManifest.from_config(config).doubts == [
        'The flag "allow-detatch" means nothing to the engine. Is "allow-detach" meant?'
    ]
