"""Starting workers somewhere.

`base` is the port; `local` starts them on this machine, behind the shim of `processes`.
"""

from __future__ import annotations

from imjoy_engine.provisioners.base import LaunchSpec, Provisioner, WorkerProcess
from imjoy_engine.provisioners.local import LocalProvisioner

__all__ = ["LaunchSpec", "LocalProvisioner", "Provisioner", "WorkerProcess"]
