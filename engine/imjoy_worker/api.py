"""The object `api` that plugins know: the core's functions, and what the worker adds."""

import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from imjoy_wire import current
from imjoy_wire.current import CALL
from imjoy_wire.dotdict import DotDict
from imjoy_wire.peer import Peer
from imjoy_wire.proxies import RemoteFunction
from imjoy_wire.references import Codec

from . import choice
from .clients import LAST_COUNTS, Clients, WaitingCall
from .promise import Promise
from .told import TOLD, Told
from .tools import LOCAL_TOOLS

__all__ = ["PluginApi"]

NewPromise = Callable[[str], Promise]

_LATER_LETTERS = r"_([a-z0-9])"


def _camel_case(name: str) -> str:
    return re.sub(_LATER_LETTERS, lambda match: match.group(1).upper(), name)


class _Tools:
    """`api.utils`: what is local, and what the core has."""

    def __init__(self, api: "PluginApi") -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        if name in LOCAL_TOOLS:
            return LOCAL_TOOLS[name]
        return self._api._core_function("utils." + name)

    __getitem__ = __getattr__

    def get(self, name: str, default: Any = None) -> Any:
        """Return a function by name, or the default."""
        return getattr(self, name, default)


class PluginApi:
    """The ImJoy API of the client that the running code works for.

    That is whoever called it, or came in its place; for code that nobody called, the client that
    came first. While there is none that has said what its functions are, each name gives a
    function whose calls wait for one; so do calls that the last client has left unanswered.
    """

    executor = staticmethod(choice.executor)
    """Decorates a plain function: "thread", "main-thread", "process" or an Executor runs it."""

    def __init__(self, peer: Peer, welcome: Dict[str, Any], new_promise: NewPromise) -> None:
        plugin = welcome.get("plugin") or {}
        self._peer = peer
        self._new_promise = new_promise
        self._clients = Clients()
        self._told = Told(new_promise)
        self._configs: Dict[str, DotDict] = {}
        self._exported: Any = None
        self._on_progress: Callable[[str, Sequence[Any]], None] = lambda path, args: None
        self._choose: Callable[[choice.Choice], None] = lambda _: None
        self._tools = _Tools(self)
        self._values: Dict[str, Any] = {
            "WORK_DIR": welcome.get("work_dir") or "",
            "TAG": plugin.get("tag") or "",
            "WORKSPACE": welcome.get("workspace") or "",
            "ENGINE_URL": welcome.get("engine_url") or "",
            "FILE_MANAGER_URL": welcome.get("file_manager_url") or "",
        }
        self._config = {
            **{key: value for key, value in plugin.items() if value is not None},
            "workspace": self._values["WORKSPACE"],
            "engine": self._values["ENGINE_URL"],
            "file_manager": self._values["FILE_MANAGER_URL"],
            "tag": self._values["TAG"],
            "work_dir": self._values["WORK_DIR"],
        }

    # What the worker tells it

    def _client_ready(self, client: str) -> None:
        """Take note that a client has set its interface, and send what has waited for one."""
        self._configs.pop(client, None)
        for call in self._clients.ready(client):
            self._forward(call)

    def _client_joined(self, client: str, replaces: Sequence[str]) -> None:
        """Take note of a client that comes in the place of others: a page loaded anew."""
        self._clients.joined(client, replaces)

    def _client_gone(self, client: str, *, returns: bool = False) -> None:
        self._clients.gone(client, returns=returns)
        self._configs.pop(client, None)

    def _no_client_comes(self) -> None:
        """Refuse every call that would wait for a client from now on: the plugin is ending."""
        self._clients.close()

    # What the plugin asks for

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._values:
            theirs = None if name == "WORK_DIR" else dict.get(self._interface(), name)
            return theirs or self._values[name]
        return self._core_function(name)

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def __contains__(self, name: str) -> bool:
        return hasattr(self, name)

    def __dir__(self) -> List[str]:
        return sorted({*super().__dir__(), *self._values, *self._interface()})

    def __repr__(self) -> str:
        return "<the ImJoy API>"

    def get(self, name: str, default: Any = None) -> Any:
        """Return a function or a value by name, or the default."""
        return getattr(self, name, default)

    @property
    def config(self) -> DotDict:
        """The plugin's configuration, its work_dir, workspace, engine and file_manager among it."""
        client = self._client()
        if client not in self._configs:
            config = DotDict(self._config)
            theirs = dict.get(self._interface(), "config")
            if isinstance(theirs, dict):
                config.update({key: item for key, item in theirs.items() if item not in (None, "")})
            config["work_dir"] = self._values["WORK_DIR"]
            self._configs[client] = config
        return self._configs[client]

    @property
    def utils(self) -> _Tools:
        """Small helpers, the core's and some that are local."""
        return self._tools

    def export(self, api: Any, config: Optional[Dict[str, Any]] = None) -> Promise:
        """Make the public functions of an object or a dict callable; later calls replace them.

        The promise is fulfilled when a client has taken the interface up. Raises
        UnsupportedValueError for a member of a dict that cannot be sent. The config's "executor"
        is where plain functions run; ValueError if it is none.
        """
        if isinstance(api, type):
            raise TypeError(
                "api.export needs an instance: write api.export({}())".format(api.__name__)
            )
        config = dict(config or {})
        if config.get("executor") is not None:
            self._choose(choice.checked(config.pop("executor")))
        self._peer.config.update(config)
        done = self._new_promise("api.export")
        self._peer.when_taken_up(done)
        self._peer.export(api)
        self._exported = api
        return done

    def init(self, config: Optional[Dict[str, Any]] = None) -> Promise:
        """Export a plugin that does nothing but be there."""
        return self.export({"setup": lambda: None}, config)

    def registerCodec(self, config: Any = None, **fields: Any) -> None:  # noqa: N802
        """Send and receive values of a type in a way of the plugin's own.

        Takes a dict or keywords: name, type, encoder, decoder.
        """
        given = {**(config or {}), **fields}
        name = given.get("name")
        if not isinstance(name, str) or not name:
            raise ValueError("a codec needs a name")
        if given.get("encoder") is not None and given.get("type") is None:
            raise ValueError("the codec {!r} has an encoder but no type to use it for".format(name))
        parts = given.get("type"), given.get("encoder"), given.get("decoder")
        self._peer.codecs[name] = Codec(name, *parts)

    register_codec = registerCodec

    def report(self, *values: Any) -> None:
        """Tell who waits for the running call how far it is, also a page that comes later."""
        current.report(*values)
        for value in values:
            self._on_progress("showStatus" if isinstance(value, str) else "progress", (value,))

    def is_cancelled(self) -> bool:
        """Tell whether the caller of the running call waits no more for it."""
        return current.is_cancelled()

    isCancelled = is_cancelled  # noqa: N815 - as other functions of `api` are called

    def disposeObject(self, value: Any) -> Promise:  # noqa: N802
        """Have an object of another peer's forgotten there. Raises ValueError if it is none."""
        disposing: Promise = self._peer.dispose(value)
        return disposing

    dispose_object = disposeObject

    # The core's functions

    def _client(self) -> str:
        return self._clients.serving(_caller())

    def _interface(self, client: Optional[str] = None) -> Dict[str, Any]:
        remote = self._peer.remotes.get(self._client() if client is None else client)
        return (remote.interface if remote is not None else None) or {}

    def _core_function(self, path: str) -> Any:
        client = self._client()
        if client:
            return self._find(path, client)

        return _Later(self, path)

    def _wait(self, call: WaitingCall) -> None:
        """Let a call wait for its client, unless there is one already."""
        if self._clients.wait(call):
            self._forward(call)

    def _forward(self, call: WaitingCall) -> None:
        """Make a call that has waited; its promise ends as the call does, and the other way."""
        promise = call.promise
        if promise.done():
            return  # given up
        try:
            function = self._find(call.path, self._clients.serving(call.caller))
            if call.options:
                function = function.with_options(**call.options)
            sent = function(*call.args, **call.kwargs)
        except Exception as error:  # noqa: BLE001 - whoever waits for the promise is to have it
            promise.reject(error)
            return
        promise.give_up_by(sent.cancel)
        sent.pass_on(promise)

    def _find(self, path: str, client: str) -> Any:
        found: Any = self._interface(client)
        for part in path.split("."):
            if not isinstance(found, dict):
                found = None
                break
            found = dict.get(found, part) or dict.get(found, _camel_case(part))
        if found is None:
            raise AttributeError("the ImJoy API of this client has no {!r}".format(path))
        return _CoreFunction(self, path, found) if isinstance(found, RemoteFunction) else found


def _caller() -> str:
    running = CALL.get()
    return running.sender if running is not None else ""


class _Later:
    """A function of the core's while there is no client that has said what its functions are."""

    def __init__(self, api: PluginApi, path: str, options: Optional[Dict[str, Any]] = None) -> None:
        self.__name__ = path
        self._api = api
        self._options = options or {}

    def __call__(self, *args: Any, **kwargs: Any) -> Promise:
        promise = self._api._new_promise(self.__name__)
        if self.__name__ in LAST_COUNTS:
            self._api._on_progress(self.__name__, args)
        call = WaitingCall(self.__name__, self._options, args, kwargs, promise, _caller())
        self._api._wait(call)
        return self._api._told.done(self.__name__) if self.__name__ in TOLD else promise

    def with_options(self, **options: Any) -> "_Later":
        """Return the same function with options as those of `RemoteFunction`."""
        return _Later(self._api, self.__name__, options)


class _CoreFunction(RemoteFunction):
    """A function of the core, whose calls outlive the client that has not answered them."""

    __slots__ = ("_api", "_given", "_path")

    def __init__(
        self,
        api: PluginApi,
        path: str,
        found: RemoteFunction,
        given: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(found.tree, found.target, found.held, api._peer, found.options)
        self._api = api
        self._path = path
        self._given = given or {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Send the call; what waits for it waits for the next client when this one leaves."""
        if self._path in LAST_COUNTS:
            self._api._on_progress(self._path, args)
        if self._path not in TOLD or self._given:
            return self._send(args, kwargs)
        return self._api._told.tell(self._path, self.target, lambda: self._send(args, kwargs))

    def _send(self, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Promise:
        promise: Promise = super().__call__(*args, **kwargs)
        caller = _caller()

        def again(error: BaseException) -> None:
            if self._api._clients.is_left(caller):
                promise.reject(error)
            else:
                call = WaitingCall(self._path, self._given, args, kwargs, promise, caller)
                self._api._wait(call)

        promise.when_peer_gone(again)
        return promise

    def with_options(
        self,
        timeout_s: Optional[float] = None,
        on_progress: Optional[Callable[..., Any]] = None,
    ) -> "_CoreFunction":
        """Return the same function with options."""
        given = {"timeout_s": timeout_s, "on_progress": on_progress}
        found = super().with_options(timeout_s, on_progress)
        return _CoreFunction(self._api, self._path, found, given)
