"""What a process tree prints, for tests that wait for a word of it."""

from __future__ import annotations

import asyncio

from imjoy_engine.processes import Stream

__all__ = ["TreeOutput"]


class TreeOutput:
    """Keeps what a tree has printed and tells when a text is among it."""

    def __init__(self) -> None:
        self.text = {"stdout": b"", "stderr": b""}
        self._news = asyncio.Event()

    def __call__(self, stream: Stream, chunk: bytes) -> None:
        self.text[stream] += chunk
        self._news.set()

    async def says(self, text: str, stream: Stream = "stdout") -> None:
        """Return when the text has come."""
        async with asyncio.timeout(20):
            while text.encode() not in self.text[stream]:
                self._news.clear()
                await self._news.wait()
