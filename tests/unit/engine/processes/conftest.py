"""Both roads to a shim: what holds of one holds of the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from imjoy_engine.processes import ForkServer, Shims


@pytest.fixture(params=["started for itself", "forked"])
async def shims(request: pytest.FixtureRequest) -> AsyncIterator[Shims]:
    server = ForkServer() if request.param == "forked" else None
    shims = Shims(server)
    await shims.prepare()
    pid = server and server.pid
    yield shims
    # Nothing has gone the other road unnoticed.
    assert (server and server.pid) == pid
    await shims.close()
