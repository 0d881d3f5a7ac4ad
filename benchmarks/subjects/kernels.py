"""Kernels without a server before them: jupyter_client's own, and those of hypha's conda worker.

Each is started to the reply of its first execution. Hypha's worker runs an app in an ipykernel of
the app's conda environment; any prefix with a Python will do, and here it is this one.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_async_kernel

LONGEST_S = 60


class Kernel:
    def __init__(self, manager: Any, client: Any) -> None:
        self._manager = manager
        self._client = client

    async def stop(self) -> None:
        self._client.stop_channels()
        await self._manager.shutdown_kernel()


class Kernels:
    middle_pid = None

    async def start(self) -> Kernel:
        manager, client = await start_new_async_kernel(kernel_name="python3")
        reply = await client.execute_interactive("1", timeout=LONGEST_S, output_hook=_unheard)
        if reply["content"]["status"] != "ok":
            raise AssertionError("The kernel gave back something else.")
        return Kernel(manager, client)


class CondaKernels:
    middle_pid = None

    def __init__(self) -> None:
        # Its package imports all the other workers, and what they need.
        (folder,) = find_spec("hypha").submodule_search_locations
        spec = spec_from_file_location("conda_kernel", Path(folder) / "workers" / "conda_kernel.py")
        self._module = module_from_spec(spec)
        spec.loader.exec_module(self._module)

    async def start(self) -> Any:
        kernel = self._module.CondaKernel(sys.prefix)
        await kernel.start()
        if not (await kernel.execute("1"))["success"]:
            raise AssertionError("The kernel gave back something else.")
        return kernel


def _unheard(_: Any) -> None:
    pass


@asynccontextmanager
async def hosting(*, conda: bool) -> AsyncIterator[Kernels | CondaKernels]:
    yield CondaKernels() if conda else Kernels()
