"""Runs: calls that go on without whoever began them, found and waited for by their id."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from imjoy_client.errors import ClientError, EngineRefusedError, RunFailedError
from imjoy_wire import codec
from imjoy_wire.frames import Frame
from imjoy_wire.host import Host
from imjoy_wire.lanes import RUN
from imjoy_wire.passage import Passage
from imjoy_wire.peer import Peer
from imjoy_wire.values import decode

__all__ = ["Runs", "new_run_id", "run_mark"]

_ASK_S = 25.0
Ask = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


def new_run_id() -> str:
    """Return an id that no other run has."""
    return f"r-{uuid.uuid4().hex}"


def run_mark(run_id: str, name: str) -> dict[str, Any]:
    """Return what the header of a call says that begins a run."""
    return {RUN: {"id": run_id, "name": name}}


class Runs:
    """The runs of a workspace, as one client sees them.

    `peer_of` gives this client's end of a plugin by its instance, if it has one.
    """

    def __init__(
        self,
        ask: Ask,
        back: Callable[[], Awaitable[None]],
        peer_of: Callable[[str], tuple[Peer, str] | None],
    ) -> None:
        self._ask = ask
        self._back = back
        self._peer_of = peer_of
        self._fetching: dict[str, asyncio.Future[Frame]] = {}

    async def all(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what is known of each run, oldest first."""
        answer = await self._ask("list_runs", dict(wanted))
        runs: list[dict[str, Any]] = answer["runs"]
        return runs

    async def wait(self, run_id: str) -> Any:
        """Return the result of a run when it is over. Raises what it raised, or RunFailedError.

        Goes on waiting when the connection drops and comes back.
        """
        while True:
            try:
                answer = await self._ask("wait_run", {"run": run_id, "timeout_s": _ASK_S})
            except EngineRefusedError:
                raise
            except ClientError:
                await self._back()
                continue
            if answer["run"]["state"] != "running":
                return await self._result(answer["run"])

    def arrived(self, frame: Frame) -> None:
        """Take the frame with a result."""
        future = self._fetching.get(str(frame.extra.get(RUN)))
        if future is not None and not future.done():
            future.set_result(frame)

    async def _result(self, run: Mapping[str, Any]) -> Any:
        if run["size_bytes"] is None:
            raise RunFailedError.of(run)
        future = self._fetching.setdefault(run["id"], asyncio.get_running_loop().create_future())
        try:
            answer = await self._ask("fetch_run", {"run": run["id"]})
            if not answer["follows"]:
                raise RunFailedError.of(answer["run"])
            frame = await asyncio.shield(future)
        finally:
            self._fetching.pop(run["id"], None)
        message = codec.unpack(frame.body, frame.buffers)
        peer, worker = self._peer_of(run["instance"]) or (Peer("", cast("Host", _Nobody())), "")
        value = decode(message["args"], Passage(peer, worker))[0]
        if run["state"] == "done":
            return value
        raise value if isinstance(value, Exception) else RunFailedError(str(value))


class _Nobody:
    """The host of a peer that only reads: what is read cannot be called."""

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise RunFailedError("The plugin of this run is not attached: its functions are not there.")

    send = new_promise = run_call = cancel_call = run_script = heard = _refuse
