"""Reads what uv writes on a terminal: lines for people, and the numbers of its progress bars.

uv has no stream of events; on a terminal it redraws bars, so the counts and bytes are taken from
the drawing. Whatever is not understood is passed over: only the picture gets poorer, never the
build. What is not here: the words of a failure (`uv_errors.py`).
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterator

from imjoy_engine.environments.indexes import redacted
from imjoy_engine.environments.progress import Phase, Progress, counted

__all__ = ["UvOutput", "human_bytes"]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_BREAK = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\r|\n")
_SPINNER = "\u2800-\u28ff"
_RESOLVING = re.compile(rf"^[{_SPINNER}] (?P<item>[\w.-]+==[^\s]+)")
_LOOKING = re.compile(rf"^[{_SPINNER}] Resolving dependencies")
_PREPARED = re.compile(r"Preparing packages\.\.\. \((?P<done>\d+)/(?P<total>\d+)\)")
_BAR = re.compile(
    r"(?P<item>[A-Za-z0-9][\w.-]*) +[-=#>\u2500-\u259f]{4,} +"
    r"(?P<done>[\d.]+ ?[KMGT]?i?B)/(?P<total>[\d.]+ ?[KMGT]?i?B)"
)
_LINKED = re.compile(r"\[(?P<done>\d+)/(?P<total>\d+)\] (?P<item>\S+==\S+|)")
_BUILDING = re.compile(r"^\s*Building (?P<item>\S+)")
_SIZE = re.compile(r"([\d.]+) ?([KMGT]?)i?B")
_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_KEPT_LINES = 5000
_UNREAD_CHARACTERS = 64 * 1024


class UvOutput:
    """Turns the bytes of one run of uv into progress and lines.

    `lines` are what a person would still see on the screen at the end, the last 5,000 of them.
    """

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unread = ""
        self._line = ""
        self._bytes_done: dict[str, int] = {}
        self._bytes_total: dict[str, int] = {}

    def feed(self, chunk: bytes) -> Iterator[Progress]:
        """Yield the progress that became known with `chunk`."""
        self._unread += self._decoder.decode(chunk)
        start = 0
        for match in _BREAK.finditer(self._unread):
            yield from self._piece(self._unread[start : match.start()], match.group())
            start = match.end()
        self._unread = self._unread[start:][-_UNREAD_CHARACTERS:]

    def end(self) -> None:
        """Take what was written last as a line, even if it was not ended."""
        self._keep(self._line + _COLOUR.sub("", self._unread))
        self._line = self._unread = ""

    def _piece(self, text: str, ended_by: str) -> Iterator[Progress]:
        text = _COLOUR.sub("", text)
        yield from self._progress(text)
        self._line += text
        if ended_by == "\n":
            self._keep(self._line)
            self._line = ""
        elif ended_by != "\r":
            # The line is drawn again: what stood there was a bar.
            self._line = ""

    def _keep(self, line: str) -> None:
        line = redacted(line.rstrip())
        if line:
            self.lines.append(line)

    def _progress(self, text: str) -> Iterator[Progress]:
        if match := _RESOLVING.search(text):
            item = match["item"]
            yield Progress(Phase.RESOLVE, item, message=f"Choosing versions: {item}")
        elif _LOOKING.search(text):
            yield Progress(Phase.RESOLVE, message="Choosing versions")
        elif match := _BUILDING.search(text):
            item = match["item"]
            yield Progress(Phase.BUILD, item, message=f"Building {item} from source")
        elif bars := list(_BAR.finditer(text)):
            yield self._download(bars)
        elif match := _PREPARED.search(text):
            done, total = int(match["done"]), int(match["total"])
            message = f"Fetching {counted(total)}"
            if total and not self._bytes_total:
                yield Progress(Phase.DOWNLOAD, "", done, total, "packages", message)
        elif match := _LINKED.search(text):
            done, total = int(match["done"]), int(match["total"])
            message = f"Putting {counted(total)} into place"
            if total:
                yield Progress(Phase.LINK, match["item"], done, total, "packages", message)

    def _download(self, bars: list[re.Match[str]]) -> Progress:
        """Return the sum over all packages seen so far, named after the one that moved most."""
        moved, most = "", (-1, -1)
        for bar in bars:
            name, done, total = bar["item"], _bytes(bar["done"]), _bytes(bar["total"])
            before = self._bytes_done.get(name, 0)
            if (done - before, total - done) > most:
                moved, most = name, (done - before, total - done)
            self._bytes_total[name] = total
            self._bytes_done[name] = max(before, min(done, total))
        drawn = {bar["item"] for bar in bars}
        for name in self._bytes_done.keys() - drawn:
            self._bytes_done[name] = self._bytes_total[name]
        done, total = sum(self._bytes_done.values()), sum(self._bytes_total.values())
        message = f"Downloading {moved}: {human_bytes(done)} of {human_bytes(total)} in all"
        return Progress(Phase.DOWNLOAD, moved, done, total, "bytes", message)


def human_bytes(size_bytes: int) -> str:
    """Return `33.7 MB` for 33,700,000 bytes."""
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size_bytes} B" if unit == "B" else f"{size:.1f} {unit}"


def _bytes(words: str) -> int:
    match = _SIZE.fullmatch(words)
    if match is None:
        return 0
    try:
        return int(float(match[1]) * _FACTOR[match[2]])
    except ValueError:
        return 0
