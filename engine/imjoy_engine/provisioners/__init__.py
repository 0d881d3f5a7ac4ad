"""Starting workers somewhere.

`base` is the port; `local` starts them on this machine, behind the shim of `processes`.
"""

from __future__ import annotations

from imjoy_engine.provisioners.base import LaunchSpec, Provisioner, WorkerProcess
from imjoy_engine.provisioners.local import LocalProvisioner, make_work_dir

__all__ = ["LaunchSpec", "LocalProvisioner", "Provisioner", "WorkerProcess", "make_work_dir"]
