"""What a plugin prints: kept in a file, remembered in a tail, passed on in pieces.

A plugin may print faster than anybody reads. Between two flushes at most `_PENDING_BYTES` are
kept, and the last `_ENDING_BYTES` of each stream, where it says why it ended; what is between is
counted and said, never stored, so that neither memory nor disk nor the client is flooded.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from imjoy_engine.plugins.crash_dumps import CrashDump
from imjoy_engine.plugins.log_files import prune
from imjoy_engine.plugins.log_times import Printed, note_time, printed

__all__ = ["OutputLog", "is_end", "last_printed"]

_LOG = logging.getLogger(__name__)
_PENDING_BYTES = 256 << 10
_ENDING_BYTES = 16 << 10
_FLUSH_S = 0.05
_TAIL_LINES = 40
_LOOKED_AT_LINES = 2000
"""Of one piece of output: a dump of many threads has about so many."""
_TAIL_LINE_CHARACTERS = 2000
_MARKS = "engine"
_MARK = re.compile(r"── \d{4}-\d\d-\d\d \d\d:\d\d:\d\d (ended: )?")


def is_end(line: str) -> bool:
    """Return whether this line of a log says that the plugin has ended."""
    match = _MARK.match(line)
    return match is not None and match[1] is not None


def last_printed(path: Path) -> list[Printed]:
    """Return the last of what a plugin has printed into this file, by when it came."""
    pieces = printed(path, _ENDING_BYTES)
    unmarked = (Printed(_without_marks(piece.text), piece.time_s) for piece in pieces)
    return [piece for piece in unmarked if piece.text]


class OutputLog:
    """One plugin's stdout and stderr; `on_text(stream, text)` is called some times a second."""

    def __init__(
        self, path: Path, on_text: Callable[[str, str], None], *, max_file_bytes: int
    ) -> None:
        self.path = path
        self._on_text = on_text
        self.max_file_bytes = max_file_bytes
        self._decoders: dict[str, codecs.IncrementalDecoder] = {}
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._dump = CrashDump()
        self._open_line = ""
        self._is_mid_line = False
        self._pending: list[tuple[str, str]] = []
        self._pending_bytes = 0
        self._skipped_bytes = 0
        self._endings: dict[str, bytes] = {}
        self._flush_handle: asyncio.TimerHandle | None = None
        self._flushed_s = float("-inf")
        self._writing: asyncio.Task[None] | None = None
        self._is_unkept = False
        self._noted_s = 0
        """The last second that the times of the log know of."""

    def feed(self, stream: str, chunk: bytes) -> None:
        """Take bytes as they come from the pipe `stream`; bytes that are no UTF-8 are replaced."""
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self._decoders[stream] = decoder
        room = _PENDING_BYTES - self._pending_bytes
        if len(chunk) > room:
            ending = self._endings.get(stream, b"") + chunk[room:]
            self._skipped_bytes += max(0, len(ending) - _ENDING_BYTES)
            self._endings[stream] = ending[-_ENDING_BYTES:]
            chunk = chunk[:room]
        if text := decoder.decode(chunk):
            self._remember(text)
            self._pending.append((stream, text))
            self._pending_bytes += len(chunk)
        if self._flush_handle is None:
            loop = asyncio.get_running_loop()
            self._flush_handle = loop.call_later(_FLUSH_S, self._flush)

    async def recall(self) -> None:
        """Remember the last lines of the file, which earlier engines or a keeper have written."""
        if pieces := await self.recent():
            self._remember("".join(piece.text for piece in pieces))

    async def recent(self) -> list[Printed]:
        """Return the last of what was printed, as far as the file has it, by when it came."""
        return await asyncio.to_thread(last_printed, self.path)

    def mark(self, words: str) -> None:
        """Put a line of the engine's own into the file, and nowhere else."""
        self._pending.append((_MARKS, self._marked(words)))
        if self._flush_handle is None:
            loop = asyncio.get_running_loop()
            self._flush_handle = loop.call_later(_FLUSH_S, self._flush)

    def mark_raised(self, text: str) -> None:
        """Put an error that a call has raised into the file; in a flood only the first ones."""
        if self._pending_bytes + len(text) <= _PENDING_BYTES:
            self._pending_bytes += len(text)
            self.mark(f"raised in a call: {text.rstrip()}")

    def mark_end(self, words: str, said: str = "") -> None:
        """Put the last line into the file, after what a tool has `said`; before `close`."""
        self.last_lines()  # what a flood has held back comes first
        if said:
            self.mark(f"its last words:\n{said.rstrip()}")
        self.mark(f"ended: {words}")

    def last_lines(self, count: int = 20) -> list[str]:
        """Return the last lines printed, oldest first, each cut to a readable length."""
        self._take_endings()
        lines = [*self._tail, self._open_line] if self._open_line else list(self._tail)
        return lines[-count:]

    def pass_on(self) -> None:
        """Pass on now what has come: something follows that belongs behind it.

        Not more often than at other times: a flood stays one.
        """
        if self._flush_handle is not None and time.monotonic() - self._flushed_s >= _FLUSH_S:
            self._flush()

    async def close(self) -> None:
        """Pass on what is pending and wait until the file holds it, if the disk has room."""
        self._flush()
        if self._writing is not None:
            await self._writing

    def _remember(self, text: str) -> None:
        lines = (self._open_line + text).split("\n")
        self._is_mid_line = lines[-1] != ""
        self._open_line = lines.pop()[-_TAIL_LINE_CHARACTERS:]
        for line in lines[-_LOOKED_AT_LINES:]:
            if self._dump.is_beside(line):
                continue
            # A progress bar rewrites its line: what counts is what stands there last.
            self._tail.append(line.rstrip("\r").rsplit("\r", 1)[-1][:_TAIL_LINE_CHARACTERS])

    def _take_endings(self) -> None:
        """Go on after a flood with what each stream printed last."""
        if self._skipped_bytes:
            note = f"\n[… {self._skipped_bytes:,} bytes skipped: printed faster than shown]\n"
            self._remember(note)
            self._pending.append(("stderr", note))
            self._skipped_bytes = 0
        # stderr comes last, since the last lines are to explain.
        for stream, ending in sorted(self._endings.items(), reverse=True):
            text = ending.decode("utf-8", "replace")
            self._remember(text)
            self._pending.append((stream, text))
            del self._decoders[stream]
        self._endings.clear()

    def _flush(self) -> None:
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        self._flushed_s = time.monotonic()
        self._take_endings()
        pending, self._pending, self._pending_bytes = self._pending, [], 0
        if not pending:
            return
        for stream, text in _joined(pending):
            if stream != _MARKS:
                self._on_text(stream, text)
        earlier = self._writing
        content = "".join(text for _, text in pending)
        self._writing = asyncio.get_running_loop().create_task(self._write(earlier, content))

    async def _write(self, earlier: asyncio.Task[None] | None, content: str) -> None:
        if earlier is not None:
            await earlier
        try:
            await asyncio.to_thread(self._append, content)
        except OSError as error:  # a full disk: the plugin goes on, and so does its log with room
            if not self._is_unkept:
                _LOG.warning("The log %s cannot be written: %s", self.path, error)
            self._is_unkept = True
        else:
            self._is_unkept = False

    def _marked(self, words: str) -> str:
        begin = "\n" if self._is_mid_line else ""
        self._is_mid_line = False
        return f"{begin}── {time.strftime('%Y-%m-%d %H:%M:%S')} {words}\n"

    def _append(self, content: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.exists():
            prune(self.path)
        elif self.path.stat().st_size > self.max_file_bytes:
            self.path.replace(self.path.with_suffix(".1.log"))
        with self.path.open("a", encoding="utf-8", errors="replace") as file:
            offset = file.tell()
            file.write(content)
        now_s = int(time.time())
        if now_s != self._noted_s or offset == 0:
            note_time(self.path, offset, now_s)
            self._noted_s = now_s


def _without_marks(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not _MARK.match(line))


def _joined(pending: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return neighbours of the same stream as one."""
    joined: list[tuple[str, list[str]]] = []
    for stream, text in pending:
        if joined and joined[-1][0] == stream:
            joined[-1][1].append(text)
        else:
            joined.append((stream, [text]))
    return [(stream, "".join(texts)) for stream, texts in joined]
