"""The client without `await`, in scripts and in notebooks whose event loop runs already.

    with imjoy_client.sync.connect(url, token) as client:
        plugin = client.start_plugin("segment.imjoy.html")
        mask = plugin.segment(image)

Everything happens in an event loop of its own, in a thread that ends with the block. Functions of
the program that a plugin calls run in that thread; they must not wait for the plugin in their turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from imjoy_client import client as asynchronous
from imjoy_client.errors import ClientError
from imjoy_client.plugin import PluginProxy
from imjoy_client.streams import SyncStream
from imjoy_wire.dotdict import DotDict, prefer_functions
from imjoy_wire.proxies import RemoteFunction
from imjoy_wire.streams import RemoteStream

__all__ = ["SyncClient", "SyncFunction", "SyncPlugin", "SyncStream", "connect"]


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._is_closed = False
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="imjoy-client", daemon=True
        )
        self._thread.start()

    def run(self, work: Any) -> Any:
        """Return what a coroutine returns, or raise what it raises.

        Raises ClientError when the client is closed, and RuntimeError in the loop's own thread,
        which would wait for itself.
        """
        if self._is_closed:
            work.close()
            raise ClientError(
                "This client is closed.",
                hint="Its plugins can be called inside its with block only.",
                code="client-closed",
            )
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(
                "A function that a plugin calls cannot wait for a plugin here. "
                "Use imjoy_client.connect, where it may be a coroutine."
            )
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # interrupted here: the call is given up
            raise

    def close(self) -> None:
        self._is_closed = True
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def connect(url: str, token: str, **options: Any) -> Iterator[SyncClient]:
    """Be connected to an engine while the block runs; arguments as for `imjoy_client.connect`."""
    loop = _Loop()
    try:
        context = asynchronous.connect(url, token, **options)
        client = loop.run(context.__aenter__())
        try:
            yield SyncClient(client, loop)
        finally:
            loop.run(context.__aexit__(None, None, None))
    finally:
        loop.close()


class SyncClient:
    """`imjoy_client.Client` whose methods return when they are done."""

    def __init__(self, client: asynchronous.Client, loop: _Loop) -> None:
        self._client = client
        self._loop = loop

    @property
    def engine_info(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return self._client.engine_info

    def start_plugin(self, source: Any, **options: Any) -> SyncPlugin:
        """Return a plugin that is ready; arguments as for `Client.start_plugin`."""
        proxy = self._loop.run(self._client.start_plugin(source, **options))
        return SyncPlugin(proxy, self._loop)

    def attach(self, name: str, **options: Any) -> SyncPlugin:
        """Return a plugin that runs already; arguments as for `Client.attach`."""
        proxy = self._loop.run(self._client.attach(name, **options))
        return SyncPlugin(proxy, self._loop)

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return what is known of the runs of this workspace, as `Client.runs`."""
        runs: list[dict[str, Any]] = self._loop.run(self._client.runs(**wanted))
        return runs

    def start_run(self, plugin: SyncPlugin, name: str, *args: Any, **kwargs: Any) -> str:
        """Call a function of a plugin as a run, and return the run's id at once."""

        async def begin() -> str:
            given = _theirs(list(args)), _theirs(kwargs)
            return self._client.start_run(plugin._proxy, name, *given[0], **given[1])

        run_id: str = self._loop.run(begin())
        return run_id

    def wait_run(self, run_id: str, timeout_s: float | None = None) -> Any:
        """Return the result of a run when it is over, as `Client.wait_run`.

        Raises TimeoutError when that takes longer than `timeout_s`; the run goes on.
        """

        async def wait() -> Any:
            return await asyncio.wait_for(self._client.wait_run(run_id), timeout_s)

        return _ours(self._loop.run(wait()), self._loop)

    def cancel_run(self, run_id: str) -> None:
        """Tell the plugin that nobody wants a run any more."""
        self._loop.run(self._client.cancel_run(run_id))

    def status(self) -> dict[str, Any]:
        """Return what runs in this workspace."""
        status: dict[str, Any] = self._loop.run(self._client.status())
        return status


class SyncFunction:
    """A function of a plugin's: calling it returns the result.

    `timeout_s` bounds the call; when it is over the call is cancelled and CallTimeoutError raised,
    which is a TimeoutError. So is a call that is interrupted from the keyboard.
    """

    def __init__(self, function: Any, loop: _Loop) -> None:
        self.function = function
        self.__name__ = function.__name__
        self._loop = loop

    def __call__(self, *args: Any, timeout_s: float | None = None, **kwargs: Any) -> Any:
        """Wait for the result. Raises what the function raises there."""
        function = self.function
        if timeout_s is not None:
            options = function.options
            function = function.with_options(timeout_s, options and options.on_progress)

        async def wait() -> Any:
            return await function(*_theirs(list(args)), **_theirs(kwargs))

        return _ours(self._loop.run(wait()), self._loop)

    def with_options(
        self, timeout_s: float | None = None, on_progress: Callable[..., Any] | None = None
    ) -> SyncFunction:
        """Return the same function with a limit of time, a listener, or both.

        `on_progress` is called, in the client's thread, with what the function reports.
        """
        return SyncFunction(self.function.with_options(timeout_s, on_progress), self._loop)

    def __repr__(self) -> str:
        return repr(self.function)


class SyncPlugin:
    """A started plugin: `plugin.name(...)` calls its function and returns the result."""

    def __init__(self, proxy: PluginProxy, loop: _Loop) -> None:
        self._proxy = proxy
        self._loop = loop

    def interface(self) -> dict[str, Any]:
        """Return the plugin's functions by name, as it last exported them."""
        functions: dict[str, Any] = _ours(self._loop.run(self._proxy.interface()), self._loop)
        return functions

    def stop(self) -> None:
        """Return when the plugin's process has ended."""
        self._loop.run(self._proxy.stop())

    def __getitem__(self, name: str) -> Any:
        return _ours(self._proxy[name], self._loop)

    def __getattr__(self, name: str) -> Any:
        return _ours(getattr(self._proxy, name), self._loop)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._proxy)})

    def __repr__(self) -> str:
        return repr(self._proxy)


def _ours(value: Any, loop: _Loop) -> Any:
    """Return a value from a plugin with functions that return their results."""
    if isinstance(value, RemoteFunction):
        return SyncFunction(value, loop)
    if isinstance(value, RemoteStream):
        return SyncStream(value, loop.run, lambda item: _ours(item, loop))
    if isinstance(value, dict):
        own = DotDict({key: _ours(item, loop) for key, item in dict.items(value)})
        prefer_functions(own)
        return own
    if isinstance(value, list):
        return [_ours(item, loop) for item in value]
    return value


def _theirs(value: Any) -> Any:
    """Return a value for a plugin with its functions as they came."""
    if isinstance(value, SyncFunction):
        return value.function
    if isinstance(value, SyncStream):
        return value.stream
    if isinstance(value, dict):
        return {key: _theirs(item) for key, item in dict.items(value)}
    if isinstance(value, list):
        return [_theirs(item) for item in value]
    return value
