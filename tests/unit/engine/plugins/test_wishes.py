from __future__ import annotations

import pytest

from imjoy_engine.environments.spec import GpuRequest
from imjoy_engine.errors import ManifestError
from imjoy_engine.plugins.wishes import PluginLimits, gpu_wish, plugin_limits
from imjoy_engine.resources import GpuWish

GIB = 1 << 30


@pytest.mark.parametrize(
    ("said", "wish"),
    [
        (None, None),
        (False, None),
        (True, GpuWish()),
        (2, GpuWish(count=2)),
        ({}, GpuWish()),
        (
            {
                "count": 2,
                "memory": "8 GiB",
                "uuid": "GPU-1",
                "exclude": [0, "GPU-2"],
                "order": "memory",
                "shared": True,
                "required": False,
            },
            GpuWish(2, 8 * GIB, ("GPU-1",), (0, "GPU-2"), 1.0, 1.0, "memory", True, False),
        ),
    ],
)
def test_the_gpu_field(said, wish):
    assert gpu_wish({"gpu": said}, None) == wish


def test_what_gputil_says_keeps_its_meaning():
    legacy = GpuRequest(2, 0.3, 0.4, "load", (1,), memory_free_mib=1024, required=False)
    assert gpu_wish({}, legacy) == GpuWish(
        count=2,
        memory_bytes=GIB,
        excluded=(1,),
        max_load=0.3,
        max_memory=0.4,
        order="load",
        required=False,
    )
    assert gpu_wish({"gpu": False}, GpuRequest()) == GpuWish(max_load=0.5, max_memory=0.5)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("yes", "gpu is 'yes'"),
        (0, "gpu is 0"),
        ({"cards": 2}, "gpu has no field 'cards'"),
        ({"count": True}, "gpu.count is True"),
        ({"memory": "lots"}, "gpu.memory: 'lots' is not a size"),
        ({"order": "best"}, "gpu.order is 'best'"),
        ({"shared": 1}, "gpu.shared is 1"),
        ({"uuid": [1]}, "gpu.uuid is"),
    ],
)
def test_a_wrong_gpu_field_is_named(said, words):
    with pytest.raises(ManifestError) as refused:
        gpu_wish({"gpu": said}, None)
    assert refused.value.message.startswith(words)


def test_gpus_are_asked_for_once():
    with pytest.raises(ManifestError, match="twice"):
        gpu_wish({"gpu": True}, GpuRequest())


def test_limits_are_the_plugins_own_or_the_engines():
    defaults = PluginLimits(8 * GIB, 4, 60.0)
    assert plugin_limits({}, defaults) == defaults
    said = {"limits": {"memory": "16 GiB", "cpus": 2, "idle_timeout": "1 h"}}
    assert plugin_limits(said, defaults) == PluginLimits(16 * GIB, 2, 3600.0)
    assert plugin_limits({"limits": {"cpus": 1}}, defaults) == PluginLimits(8 * GIB, 1, 60.0)
    assert plugin_limits({"limits": {"idle_timeout": 0}}, defaults).idle_timeout_s is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("8 GB", "limits is '8 GB'"),
        ({"ram": 1}, "limits has no field 'ram'"),
        ({"memory": "all"}, "limits.memory: 'all' is not a size"),
        ({"cpus": 0.5}, "limits.cpus is 0.5"),
        ({"idle_timeout": "soon"}, "limits.idle_timeout: 'soon' is not a duration"),
    ],
)
def test_a_wrong_limit_is_named(said, words):
    with pytest.raises(ManifestError) as refused:
        plugin_limits({"limits": said}, PluginLimits())
    assert refused.value.message.startswith(words)
