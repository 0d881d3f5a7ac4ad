"""The answers of runs, picked out of what workers send, big ones put together from their chunks."""

from __future__ import annotations

from imjoy_wire.chunks import CHUNK, Assembler
from imjoy_wire.frames import Frame
from imjoy_wire.lanes import RUN

__all__ = ["RunAnswers"]


class RunAnswers:
    """Sees every frame of the workers and keeps only what answers a run."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_message_bytes = max_message_bytes
        self._under_way: dict[tuple[str, str, object], Assembler] = {}

    def feed(self, frame: Frame) -> tuple[bool, list[Frame]]:
        """Return whether a frame belongs to an answer, and the answer if it makes one whole.

        Raises FrameError.
        """
        mark = frame.extra.get("cut")
        if frame.kind == CHUNK:
            key = (frame.sender, frame.to, mark)
            assembler = self._under_way.get(key)
            if assembler is None:
                return False, []
            answers = assembler.feed(frame)
            if answers:
                del self._under_way[key]
            return True, answers
        if not isinstance(frame.extra.get(RUN), dict):
            return False, []
        if not isinstance(mark, dict):
            return True, [frame]
        assembler = Assembler(self._max_message_bytes)
        answers = assembler.feed(frame)
        if not answers:
            self._under_way[frame.sender, frame.to, mark.get("id")] = assembler
        return True, answers

    def forget(self, sender: str) -> None:
        """Drop what a worker that is gone has left unfinished."""
        for key in [key for key in self._under_way if key[0] == sender]:
            del self._under_way[key]
