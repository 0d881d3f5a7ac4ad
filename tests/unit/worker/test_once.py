from __future__ import annotations

from imjoy_wire.frames import Frame
from imjoy_worker import once
from imjoy_worker.once import ONCE, Taken


def frame(number: int, sender: str = "w_a") -> Frame:
    return Frame("w_b", sender, "rpc", b"{}", extra={ONCE: number})


def test_what_comes_again_is_known_by_its_sender_and_number():
    taken = Taken()
    assert [taken.is_new(frame(number)) for number in (3, 7, 3, 7, 8)] == [
        *(True, True),
        *(False, False),
        True,
    ]
    assert taken.is_new(frame(3, sender="w_c"))


def test_what_has_no_number_is_always_new():
    taken = Taken()
    plain = Frame("w_b", "c_page", "rpc", b"{}")
    assert taken.is_new(plain)
    assert taken.is_new(plain)


def test_senders_that_were_silent_the_longest_are_forgotten(monkeypatch):
    monkeypatch.setattr(once, "MAX_SENDERS", 2)
    taken = Taken()
    for sender in ("w_1", "w_2", "w_1", "w_3"):
        taken.is_new(frame(5, sender))
    assert not taken.is_new(frame(5, "w_1"))
    assert not taken.is_new(frame(5, "w_3"))
    assert taken.is_new(frame(5, "w_2"))
