"""Call ImJoy plugins from scripts and notebooks.

    async with imjoy_client.connect("http://127.0.0.1:9527", token) as client:
        plugin = await client.start_plugin("segment.imjoy.html")
        mask = await plugin.segment(image)

`imjoy_client.sync` has the same without `await`.
"""

from imjoy_client.client import Client, connect
from imjoy_client.errors import (
    ClientError,
    EngineRefusedError,
    PluginFailedError,
    PluginFileError,
    RunFailedError,
)
from imjoy_client.plugin import PluginProxy
from imjoy_wire.current import is_cancelled, report

__all__ = [
    "Client",
    "ClientError",
    "EngineRefusedError",
    "PluginFailedError",
    "PluginFileError",
    "PluginProxy",
    "RunFailedError",
    "connect",
    "is_cancelled",
    "report",
]
