"""Environments: from what a plugin says it needs to a ready interpreter, once.

`spec` reads the wish, `lock` is the resolved answer, `uv` resolves and builds, `store` keeps what
was built under the key of its lock and leases it out.
"""

from __future__ import annotations

from imjoy_engine.environments.indexes import pip_config_files
from imjoy_engine.environments.lease import EnvironmentLease, Environments, Package
from imjoy_engine.environments.progress import OnProgress, Phase, Progress
from imjoy_engine.environments.spec import EnvironmentSpec, spec_from_config
from imjoy_engine.environments.store import EnvironmentStore
from imjoy_engine.environments.uv import UvBuilder

__all__ = [
    "EnvironmentLease",
    "EnvironmentSpec",
    "EnvironmentStore",
    "Environments",
    "OnProgress",
    "Package",
    "Phase",
    "Progress",
    "UvBuilder",
    "pip_config_files",
    "spec_from_config",
]
