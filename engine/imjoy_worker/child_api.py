"""The object `api` in a process of a plugin's own: its values, and none of the core's functions."""

from typing import Any, Callable, Dict, Optional

from imjoy_wire.dotdict import DotDict

from . import choice
from .promise import Promise
from .tools import LOCAL_TOOLS

__all__ = ["ChildApi"]


class ChildApi:
    """What a script may ask of `api` where it has been run again, beside the worker.

    The values are there. What is exported is the worker's to export. A function of the core gives a
    promise that fails: there is no connection here. It is silent about that while a script runs,
    since scripts call some at their top.
    """

    def __init__(self, values: Dict[str, Any], config: Dict[str, Any]) -> None:
        self._values = values
        self._path = ""
        self.config = DotDict(config)
        self.executor = choice.executor
        self.is_loading = True
        self.report: Callable[..., None] = lambda *_: None
        self.utils = _ChildTools(self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        values: Dict[str, Any] = self._values
        return values[name] if name in values else self._missing(name)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value or a function by name."""
        return getattr(self, name, default)

    def export(self, api: Any, config: Optional[Dict[str, Any]] = None) -> Promise:
        """Do nothing: the worker has exported it."""
        done = Promise("api.export", _at_once)
        done.resolve(None)
        return done

    def init(self, config: Optional[Dict[str, Any]] = None) -> Promise:
        """Do nothing, as `export` does."""
        return self.export(None)

    def is_cancelled(self) -> bool:
        """Return False: a process whose call is cancelled is ended."""
        return False

    isCancelled = is_cancelled  # noqa: N815 - as other functions of `api` are called

    def registerCodec(self, config: Any = None, **fields: Any) -> None:  # noqa: N802
        """Do nothing: what is sent is encoded in the worker."""

    register_codec = registerCodec

    def _missing(self, path: str) -> Any:
        def function(*_args: Any, **_kwargs: Any) -> Promise:
            promise = Promise("api." + path, _at_once)
            promise.reject(
                RuntimeError(
                    "api.{} cannot be called in a process beside the plugin's own. Call it before "
                    "or after, or let the function run in a thread.".format(path)
                )
            )
            promise._is_seen = self.is_loading
            return promise

        function.__name__ = path
        return function


class _ChildTools:
    """`api.utils`: what is local."""

    def __init__(self, api: ChildApi) -> None:
        self._api = api

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return LOCAL_TOOLS.get(name) or self._api._missing("utils." + name)

    __getitem__ = __getattr__


def _at_once(function: Any, *args: Any) -> None:
    function(*args)
