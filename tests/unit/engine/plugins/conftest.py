"""A stage for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from imjoy_engine.transport import WorkerListener
from support.workers import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with WorkerListener.listening(max_frame_bytes=1 << 20) as listener:
        yield Stage(listener)
