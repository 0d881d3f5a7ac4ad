from __future__ import annotations

from pathlib import Path

from imjoy_engine.environments import EnvironmentLease


def test_a_lease_is_given_back_once():
    released = []
    lease = EnvironmentLease("k", Path("/env"), on_release=lambda: released.append(1))

    with lease as held:
        assert held.python == Path("/env/bin/python")
    lease.release()

    assert released == [1]
