"""Where a plain function runs: the plugin's choice, for all of them or for one.

"executor": "process"                          in the plugin's config, for all it exports
api.export(Plugin(), {"executor": my_pool})    the same, in its code
@api.executor("main-thread")                   for one function, whatever the others do
"""

import functools
from concurrent.futures import Executor
from typing import Any, Callable, TypeVar, Union

from .coroutines import gives_coroutine

__all__ = ["EXECUTORS", "Choice", "checked", "executor", "is_async", "own_choice"]

EXECUTORS = ("thread", "main-thread", "process")
"""The names of those that the worker has."""

Choice = Union[str, Executor]
Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "_imjoy_executor"


def is_async(function: Any) -> bool:
    """Tell whether calling the function only makes a coroutine."""
    function = _innermost(function)
    if gives_coroutine(function):
        return True
    if isinstance(function, type) or not callable(function):
        return False
    return gives_coroutine(type(function).__call__)


def checked(choice: Any) -> Choice:
    """Return the choice if it is one. Raises ValueError, which names the known ones."""
    if isinstance(choice, Executor) or (isinstance(choice, str) and choice in EXECUTORS):
        return choice
    raise ValueError(
        "{!r} is no executor: choose one of {}, or give a concurrent.futures.Executor".format(
            choice, ", ".join(repr(name) for name in EXECUTORS)
        )
    )


def executor(choice: Choice) -> Callable[[Function], Function]:
    """Return a decorator: calls of the function run there, whatever the plugin's others do.

    Raises ValueError for a choice that is none, TypeError for a function that is an `async def`.
    """
    checked(choice)

    def decorate(function: Function) -> Function:
        if is_async(function):
            raise TypeError(
                "{} is an async def, which always runs in the plugin's loop; make it a plain def, "
                "or await loop.run_in_executor(...) in it".format(
                    getattr(function, "__name__", function)
                )
            )
        # The function itself is returned, so that a process finds it under its name.
        setattr(function, _MARK, choice)
        return function

    return decorate


def own_choice(function: Any) -> Any:
    """Return what the function was decorated with; None when it was not."""
    return getattr(_innermost(function), _MARK, None)


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function
