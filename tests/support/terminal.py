"""`imjoy-engine env …` as a person types it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.packages import PackageIndex

__all__ = ["Terminal"]


@dataclass
class Terminal:
    """Types commands with a store and an index of its own."""

    store: Path
    workspace: Path
    index: PackageIndex

    @property
    def variables(self) -> dict[str, str]:
        return {
            "IMJOY_ENGINE_STORE": str(self.store),
            "UV_DEFAULT_INDEX": self.index.url,
            "UV_CACHE_DIR": str(self.store / "uv"),
            "UV_FIND_LINKS": "",
            "PIP_FIND_LINKS": "",
        }

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imjoy_engine", "env", *words),
            cwd=self.workspace,
            env={**os.environ, **self.variables},  # noqa: TID251 - as a person would
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def types(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, output and what stood on standard error."""
        process = await self.start(*words)
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
        assert process.returncode is not None
        assert b"Traceback" not in errors
        return process.returncode, output.decode(), errors.decode()

    async def json(self, *words: str) -> Any:
        code, output, errors = await self.types(*words, "--json")
        assert code == 0, errors
        return json.loads(output)
