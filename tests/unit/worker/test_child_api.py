"""The object `api` where a script has been run again."""

from __future__ import annotations

import gc

import pytest

from imjoy_worker.child_api import ChildApi


@pytest.fixture
def api():
    return ChildApi({"TAG": "GPU"}, {"name": "A"})


def test_values_are_there(api):
    assert [api.TAG, api["TAG"], api.get("TAG"), api.config.name] == ["GPU", "GPU", "GPU", "A"]
    assert not hasattr(api, "__array__")


def test_exporting_does_nothing(api):
    assert api.export({"f": print}).result(1) is None
    assert api.init().result(1) is None
    api.registerCodec(name="x")


def test_a_function_of_the_core_fails_and_says_where_it_would_not(api, capsys):
    for call in (lambda: api.prompt("Who?"), lambda: api.utils.openUrl("x")):
        with pytest.raises(RuntimeError, match="cannot be called in a process beside"):
            call().result(1)
    api.showStatus("loading")
    gc.collect()
    assert capsys.readouterr().err == ""
    api.is_loading = False
    api.showStatus("working")
    gc.collect()
    assert "api.showStatus cannot be called in a process" in capsys.readouterr().err


def test_local_tools_work(api):
    assert api.utils.ndarray(b"ab") is not None
    called = []
    once = api.utils["debounce"](60)(called.append)
    once(1)
    once(2)
    assert called == [1]
