"""What a peer asks of the process that it lives in."""

from __future__ import annotations

from imjoy_wire.host import ScriptRequest


def test_a_script_is_answered_in_words():
    answers = []
    request = ScriptRequest("page", {"content": "a = 1"}, answers.append)
    assert (request.sender, request.code) == ("page", {"content": "a = 1"})
    request.done()
    request.done("SyntaxError in line 3")
    assert answers == [
        {"type": "executed"},
        {"type": "executed", "error": "SyntaxError in line 3"},
    ]
