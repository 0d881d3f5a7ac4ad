"""What the engine tells its clients about itself and its machine."""

from __future__ import annotations

import platform
from typing import Any

from imjoy_engine import __version__
from imjoy_engine.resources import GpuInventory

__all__ = ["API_VERSION", "engine_info"]

API_VERSION = "0.2.3"


def engine_info(name: str, url: str, inventory: GpuInventory) -> dict[str, Any]:
    """Return name, versions, platform and GPUs in the original engine's shape."""
    uname = platform.uname()
    return {
        "name": name,
        "version": __version__,
        "api_version": API_VERSION,
        "url": url,
        "python": platform.python_version(),
        "platform": {
            "uname": f"{uname.system} {uname.release} {uname.machine}",
            "machine": uname.machine,
            "system": uname.system,
            "processor": uname.processor,
            "node": uname.node,
        },
        "GPUs": [gpu.as_legacy() for gpu in inventory.gpus],
        "gpu_note": inventory.reason,
    }
