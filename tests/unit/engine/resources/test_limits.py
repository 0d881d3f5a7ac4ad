from __future__ import annotations

from imjoy_engine.resources import machine_limits


def test_the_machine_has_processors_and_memory():
    limits = machine_limits()

    assert limits.cpus >= 1
    assert 0 < limits.memory_available_bytes <= limits.memory_total_bytes
