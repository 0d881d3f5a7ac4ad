"""What clients ask about runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from imjoy_engine.errors import BadRequestError
from imjoy_engine.plugins import PluginPool
from imjoy_engine.relay.relay import control_frame
from imjoy_engine.session.attaching import instance_by_id
from imjoy_engine.session.runs import Runs
from imjoy_engine.session.session import Session
from imjoy_wire.lanes import RUN

__all__ = ["RunRequests"]

_LONGEST_WAIT_S = 3600.0
_RESULT_LOST = {
    "code": "result-lost",
    "message": "The file that kept its result is not whole: the disk was full, or it was damaged.",
}


class RunRequests:
    """The requests by name, for the gateway."""

    def __init__(self, runs: Runs, pool: PluginPool) -> None:
        self._runs = runs
        self._pool = pool

    def requests(self) -> dict[str, Any]:
        """Return the handler of each request."""
        return {
            "list_runs": self._list,
            "wait_run": self._wait,
            "fetch_run": self._fetch,
            "cancel_run": self._cancel,
        }

    def _list(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the runs of the workspace, oldest first; `plugin`, `tag` … choose among them."""
        wanted = {
            key: payload[key]
            for key in ("plugin", "tag", "instance", "state")
            if payload.get(key) is not None
        }
        runs = [run.as_dict() for run in self._runs.of_workspace(session.workspace)]
        return {
            "runs": [run for run in runs if all(run[key] == wanted[key] for key in wanted)],
        }

    async def _wait(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run when it is over, or as it is after `timeout_s`."""
        timeout_s = payload.get("timeout_s", _LONGEST_WAIT_S)
        if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or timeout_s < 0:
            raise BadRequestError('"timeout_s" is not a number of seconds.')
        run_id = payload.get("run")
        try:
            async with asyncio.timeout(min(timeout_s, _LONGEST_WAIT_S)):
                run = await self._runs.wait(run_id, session.workspace)
        except TimeoutError:
            run = self._runs.find(run_id, session.workspace)
        return {"run": run.as_dict()}

    async def _fetch(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Have the result sent as a frame of kind "run"; `follows` says whether one comes."""
        run = self._runs.find(payload.get("run"), session.workspace)
        answer = await self._runs.result(run) if run.size_bytes is not None else None
        if answer is not None:
            session.deliver(answer._replace(to="", sender="", kind=RUN, extra={RUN: run.id}))
            return {"run": run.as_dict(), "follows": True}
        lost = {} if run.size_bytes is None else {"error": _RESULT_LOST}
        return {"run": {**run.as_dict(), **lost}, "follows": False}

    def _cancel(self, session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the plugin that nobody wants a run any more; the run ends as the plugin lets it."""
        run = self._runs.find(payload.get("run"), session.workspace)
        if not run.is_over:
            instance = instance_by_id(run.instance, session.workspace, self._pool)
            instance.deliver(control_frame(RUN, {"cancel": run.id}, to=instance.peer_id))
            run = self._runs.unwanted(run)
        return {"run": run.as_dict()}
