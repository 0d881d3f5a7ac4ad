from __future__ import annotations

from benchmarks.rounds import NOTE, Figures, Found, SubjectFailedError, in_turn


class Asked:
    """Subjects that say in which order they were asked."""

    def __init__(self) -> None:
        self.order = ""

    def __call__(self, name: str, answers: list[Figures | SubjectFailedError]):
        async def measure() -> Figures:
            self.order += name
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return measure


async def test_every_second_round_goes_the_other_way():
    asked = Asked()
    await in_turn({name: asked(name, [{}, {}, {}]) for name in "abc"}, 3)
    assert asked.order == "abc" + "cba" + "abc"


async def test_who_fails_is_not_asked_again_and_has_no_figures():
    asked = Asked()
    found = await in_turn(
        {
            "good": asked("g", [{"p50": 1.0}, {"p50": 3.0}, {"p50": 2.0}]),
            "bad": asked("b", [{"p50": 1.0}, SubjectFailedError("it fell over")]),
        },
        3,
    )
    assert asked.order.count("b") == 2
    assert found["bad"].failure == "it fell over"
    assert found["bad"].median("p50") is None
    assert found["good"].median("p50") == 2.0


async def test_who_has_no_patience_left_is_asked_no_more_and_the_note_says_so():
    asked = Asked()
    found = await in_turn({"slow": asked("s", [{"p50": 4.0}])}, 3, {"slow": 0.0})
    assert asked.order == "s"
    assert found["slow"].median("p50") == 4.0
    assert found["slow"].note("p50") == " (1 round)"


def test_a_figure_is_the_median_of_the_rounds_that_have_it():
    found = Found(3, [{"p50": 1.0, "idle": 9.0}, {"p50": 5.0}, {"p50": 2.0}])
    assert found.median("p50") == 2.0
    assert found.median("idle") == 9.0
    assert found.median("other") is None
    assert found.note("p50") == ""
    assert found.note("idle") == " (1 round)"


def test_what_a_subject_notes_stands_beside_its_figures():
    found = Found(2, [{"p50": 1.0, NOTE: "10 only"}, {"p50": 2.0, NOTE: "10 only"}])
    assert found.note("p50") == " (10 only)"
