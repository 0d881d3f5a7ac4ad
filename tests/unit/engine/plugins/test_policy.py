from __future__ import annotations

import pytest

from imjoy_engine.errors import ManifestError
from imjoy_engine.plugins.policy import Again, Crashes, RestartPolicy, restart_policy

USUAL = RestartPolicy(most=3, within_s=600, first_wait_s=1, longest_wait_s=5)


@pytest.mark.parametrize(
    ("restart", "flags", "most"),
    [
        (None, [], 0),
        (None, ["functional"], 0),
        (None, ["single-instance"], 3),
        (None, ["allow-detach"], 3),
        ("never", ["single-instance", "allow-detach"], 0),
        ("on-crash", [], 3),
        (True, [], 3),
        (False, ["single-instance"], 0),
        (0, ["single-instance"], 0),
        (7, [], 7),
        (100, [], 100),
    ],
)
def test_what_a_config_asks_for(restart, flags, most):
    config = {} if restart is None else {"restart": restart}
    policy = restart_policy(config, frozenset(flags), USUAL)
    assert policy == RestartPolicy(most, 600, 1, 5)


@pytest.mark.parametrize("restart", ["always", "", -1, 101, 1.5, [], {"most": 1}])
def test_what_makes_no_sense_is_refused(restart):
    with pytest.raises(ManifestError, match="restart is") as caught:
        restart_policy({"restart": restart}, frozenset(), USUAL)
    assert "on-crash" in caught.value.hint


@pytest.mark.parametrize(
    ("policy", "crashes", "decisions"),
    [
        (RestartPolicy(most=0), [0], [None]),
        (USUAL, [0, 1, 2, 3], [Again(1, 1, 3), Again(2, 2, 3), Again(4, 3, 3), None]),
        (RestartPolicy(5, 600, 1, 3), [0, 1, 2], [Again(1, 1, 5), Again(2, 2, 5), Again(3, 3, 5)]),
        (USUAL, [0, 700], [Again(1, 1, 3), Again(1, 1, 3)]),
        (
            USUAL,
            [0, 599, 601, 602],
            [Again(1, 1, 3), Again(2, 2, 3), Again(2, 2, 3), Again(4, 3, 3)],
        ),
    ],
)
def test_decisions(policy, crashes, decisions):
    history = Crashes(policy)
    assert [history.another(at_s) for at_s in crashes] == decisions


def test_a_thousand_crashes_keep_little_and_never_overflow():
    history = Crashes(RestartPolicy(most=100, within_s=1e9))
    decisions = [history.another(float(at_s)) for at_s in range(1000)]
    assert decisions[99] == Again(60.0, 100, 100)
    assert set(decisions[100:]) == {None}
