"""jupyter_server without its limits, and with TCP_NODELAY on the kernels' WebSockets."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.websocket import KernelWebsocketHandler

NO_LIMIT = 1 << 40


def main() -> None:
    _without_delay()
    sys.argv += [
        f"--ServerApp.tornado_settings={{'websocket_max_message_size': {NO_LIMIT}}}",
        f"--ServerApp.max_buffer_size={NO_LIMIT}",
        "--ZMQChannelsWebsocketConnection.limit_rate=False",
        f"--ZMQChannelsWebsocketConnection.iopub_data_rate_limit={NO_LIMIT}",
        f"--ZMQChannelsWebsocketConnection.iopub_msg_rate_limit={NO_LIMIT}",
    ]
    ServerApp.launch_instance()


def _without_delay() -> None:
    opened = KernelWebsocketHandler.open

    async def open_without_delay(self: Any, *arguments: Any, **options: Any) -> Any:
        self.set_nodelay(True)
        return await opened(self, *arguments, **options)

    KernelWebsocketHandler.open = open_without_delay


if __name__ == "__main__":
    main()
