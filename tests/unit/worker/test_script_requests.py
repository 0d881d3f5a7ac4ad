from __future__ import annotations

from imjoy_wire.host import ScriptRequest
from imjoy_worker.script_requests import ScriptRequests


class Asked:
    """One client that asks for a script."""

    def __init__(self, index: int | None) -> None:
        self.answers: list[dict[str, object]] = []
        code = {"content": "1"} if index is None else {"content": "1", "index": index}
        self.request = ScriptRequest("a client", code, self.answers.append)


def test_a_script_runs_once_whoever_asks_and_everybody_is_answered():
    scripts, first, meanwhile, later = ScriptRequests(), Asked(0), Asked(0), Asked(0)
    assert scripts.take(first.request)
    assert not scripts.take(meanwhile.request)
    assert scripts.running == 1
    assert meanwhile.answers == []
    scripts.done(first.request, None)
    assert not scripts.take(later.request)
    assert scripts.running == 0
    for each in (first, meanwhile, later):
        assert each.answers == [{"type": "executed"}]


def test_an_error_is_told_to_everybody():
    scripts, first, later = ScriptRequests(), Asked(0), Asked(0)
    scripts.take(first.request)
    scripts.done(first.request, "it failed")
    scripts.take(later.request)
    assert later.answers == [{"type": "executed", "error": "it failed"}]


def test_each_script_of_a_plugin_is_another_and_one_without_a_place_always_runs():
    scripts = ScriptRequests()
    asked = [Asked(0), Asked(1), Asked(None), Asked(None)]
    assert all(scripts.take(each.request) for each in asked)
    assert scripts.running == 4
    for each in asked:
        scripts.done(each.request, None)
        assert each.answers == [{"type": "executed"}]
