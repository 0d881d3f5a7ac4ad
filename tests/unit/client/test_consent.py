from __future__ import annotations

import pytest

from imjoy_client.consent import consent_answer

EVENT = {"id": "p", "question": "q_1", "commands": ["make all"]}


@pytest.mark.parametrize("allow", [True, False])
async def test_the_function_decides_seeing_every_word(allow):
    seen = []

    def decide(commands):
        seen.append(commands)
        return allow

    answer = await consent_answer(EVENT, decide)

    assert answer == {"id": "p", "question": "q_1", "allow": allow}
    assert seen == [["make all"]]


async def test_it_may_take_its_time():
    async def decide(_):
        return True

    assert (await consent_answer(EVENT, decide))["allow"] is True


@pytest.mark.parametrize("said", [None, "yes", 1])
async def test_only_true_is_a_yes(said):
    assert (await consent_answer(EVENT, lambda _: said))["allow"] is False
