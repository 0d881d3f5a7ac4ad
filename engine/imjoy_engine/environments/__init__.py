"""Environments: from what a plugin says it needs to a ready interpreter, once.

`spec` is the wish, read from a plugin by `plugin_config` and from files by `spec_files`; `lock` is
the resolved answer, `uv` and `conda` resolve and build, `store` keeps what was
built under the key of its lock and leases it out.
"""

from __future__ import annotations

from imjoy_engine.environments.builders import Builders
from imjoy_engine.environments.bytecode import BytecodeCompiler
from imjoy_engine.environments.choices import Choices, remedies
from imjoy_engine.environments.completion import Shelves, named_environments
from imjoy_engine.environments.conda import CondaBuilder
from imjoy_engine.environments.conda_settings import CondaSettings, condarc_files
from imjoy_engine.environments.examination import Examined, examine
from imjoy_engine.environments.existing import ExistingBuilder
from imjoy_engine.environments.forecast import Forecast
from imjoy_engine.environments.housekeeping import Housekeeping
from imjoy_engine.environments.indexes import pip_config_files
from imjoy_engine.environments.interpreters import find_interpreters
from imjoy_engine.environments.inventory import Inventory, StoredEnvironment
from imjoy_engine.environments.lease import (
    NOBODY,
    Allow,
    EnvironmentLease,
    Environments,
    Owner,
    Package,
    nobody_allows,
)
from imjoy_engine.environments.moving import Mover
from imjoy_engine.environments.packed import PackedBuilder
from imjoy_engine.environments.plugin_config import spec_from_config
from imjoy_engine.environments.plugin_environments import PluginEnvironments
from imjoy_engine.environments.progress import OnProgress, Phase, Progress
from imjoy_engine.environments.room import RoomMade, StoreLimits
from imjoy_engine.environments.spec import (
    EnvironmentSpec,
    GpuRequest,
    Repository,
    spec_from_identity,
)
from imjoy_engine.environments.spec_files import script_metadata, spec_from_file
from imjoy_engine.environments.store import EnvironmentStore
from imjoy_engine.environments.uv import UvBuilder

__all__ = [
    "NOBODY",
    "Allow",
    "Builders",
    "BytecodeCompiler",
    "Choices",
    "CondaBuilder",
    "CondaSettings",
    "EnvironmentLease",
    "EnvironmentSpec",
    "EnvironmentStore",
    "Environments",
    "Examined",
    "ExistingBuilder",
    "Forecast",
    "GpuRequest",
    "Housekeeping",
    "Inventory",
    "Mover",
    "OnProgress",
    "Owner",
    "Package",
    "PackedBuilder",
    "Phase",
    "PluginEnvironments",
    "Progress",
    "Repository",
    "RoomMade",
    "Shelves",
    "StoreLimits",
    "StoredEnvironment",
    "UvBuilder",
    "condarc_files",
    "examine",
    "find_interpreters",
    "named_environments",
    "nobody_allows",
    "pip_config_files",
    "remedies",
    "script_metadata",
    "spec_from_config",
    "spec_from_file",
    "spec_from_identity",
]
