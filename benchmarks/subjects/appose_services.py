"""Appose: Python services, each to the answer of its first task."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import appose


class Service:
    def __init__(self, service: appose.Service) -> None:
        self._service = service

    async def stop(self) -> None:
        await asyncio.to_thread(self._stopped)

    def _stopped(self) -> None:
        self._service.close()
        self._service.wait_for()


class Services:
    middle_pid = None

    async def start(self) -> Service:
        return await asyncio.to_thread(self._started)

    def _started(self) -> Service:
        service = appose.system().python()
        task = service.task("task.outputs['value'] = 1")
        task.wait_for()
        if task.outputs["value"] != 1:
            raise AssertionError("The service gave back something else.")
        return Service(service)


@asynccontextmanager
async def hosting() -> AsyncIterator[Services]:
    # Its system environment takes the first python that it finds.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    yield Services()
