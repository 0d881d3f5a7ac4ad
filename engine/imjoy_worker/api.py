"""The object `api` that plugins know: the core's functions, and what the worker adds."""

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from imjoy_wire import current
from imjoy_wire.current import CALL
from imjoy_wire.dotdict import DotDict
from imjoy_wire.errors import PeerGoneError
from imjoy_wire.peer import Peer
from imjoy_wire.references import Codec

from . import choice
from .promise import Promise
from .tools import LOCAL_TOOLS

__all__ = ["PluginApi"]

NewPromise = Callable[[str], Promise]

_LATER_LETTERS = re.compile(r"_([a-z0-9])")


def _camel_case(name: str) -> str:
    return _LATER_LETTERS.sub(lambda match: match.group(1).upper(), name)


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

    That is whoever called it; for code that nobody called, the client that came first. Before a
    client has said what its functions are, each name gives a function whose calls wait for that.
    """

    executor = staticmethod(choice.executor)
    """Decorates a plain function: "thread", "main-thread", "process" or an Executor runs it."""

    def __init__(self, peer: Peer, welcome: Dict[str, Any], new_promise: NewPromise) -> None:
        plugin = welcome.get("plugin") or {}
        self._peer = peer
        self._new_promise = new_promise
        self._clients: List[str] = []
        self._configs: Dict[str, DotDict] = {}
        self._early: List[_EarlyCall] = []
        self._had_client = False
        self._exported: Any = None
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
        self._had_client = True
        if client not in self._clients:
            self._clients.append(client)
        self._configs.pop(client, None)
        early, self._early = self._early, []
        for call in early:
            self._call_now(call, client)

    def _client_gone(self, client: str) -> None:
        if client in self._clients:
            self._clients.remove(client)
        self._configs.pop(client, None)

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
        """Tell the caller of the running call how far it is; does nothing when nobody listens."""
        current.report(*values)

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
        running = CALL.get()
        caller = running.sender if running is not None else ""
        if caller in self._clients:
            return caller
        return self._clients[0] if self._clients else ""

    def _interface(self, client: Optional[str] = None) -> Dict[str, Any]:
        remote = self._peer.remotes.get(self._client() if client is None else client)
        return (remote.interface if remote is not None else None) or {}

    def _core_function(self, path: str) -> Any:
        if self._clients:
            return self._find(path, self._client())

        return _Later(self, path)

    def _find(self, path: str, client: str) -> Any:
        found: Any = self._interface(client)
        for part in path.split("."):
            if not isinstance(found, dict):
                found = None
                break
            found = dict.get(found, part) or dict.get(found, _camel_case(part))
        if found is None:
            raise AttributeError("the ImJoy API of this client has no {!r}".format(path))
        return found

    def _call_later(self, call: "_EarlyCall") -> None:
        """Make a call as soon as there is a client, which may be now or never."""
        if self._had_client and not self._clients:
            call.promise.reject(
                PeerGoneError("api.{}: no page is connected to this plugin.".format(call.path))
            )
        elif self._clients:
            self._call_now(call, self._client())
        else:
            self._early.append(call)

    def _call_now(self, call: "_EarlyCall", client: str) -> None:
        """Make a call that has waited; its promise ends as the call does, and the other way."""
        promise = call.promise
        if promise.done():
            return  # given up
        try:
            function = self._find(call.path, client)
            if call.options:
                function = function.with_options(**call.options)
            sent = function(*call.args, **call.kwargs)
        except Exception as error:  # noqa: BLE001 - whoever waits for the promise is to have it
            promise.reject(error)
            return
        promise.give_up_by(sent.cancel)
        sent.pass_on(promise)


class _EarlyCall(NamedTuple):
    """A call of the core's before a client has said what its functions are."""

    path: str
    options: Dict[str, Any]
    args: Tuple[Any, ...]
    kwargs: Dict[str, Any]
    promise: Promise


class _Later:
    """A function of the core's before a client has said what its functions are."""

    def __init__(self, api: PluginApi, path: str, options: Optional[Dict[str, Any]] = None) -> None:
        self.__name__ = path
        self._api = api
        self._options = options or {}

    def __call__(self, *args: Any, **kwargs: Any) -> Promise:
        promise = self._api._new_promise(self.__name__)
        self._api._call_later(_EarlyCall(self.__name__, self._options, args, kwargs, promise))
        return promise

    def with_options(self, **options: Any) -> "_Later":
        """Return the same function with options as those of `RemoteFunction`."""
        return _Later(self._api, self.__name__, options)
