"""What can be awaited, and what gives that when it is called: as `inspect` tells it.

Reading `inspect` takes a tenth of a worker's start (`later`), and these are asked of every call.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from types import (
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

__all__ = ["gives_coroutine", "gives_generator", "is_awaitable"]

_PLAIN = (BuiltinFunctionType, MethodDescriptorType, MethodWrapperType, WrapperDescriptorType, type)
_CO_GENERATORS = 0x20 | 0x200  # plain and asynchronous ones
_CO_COROUTINE = 0x80
_CO_ITERABLE_COROUTINE = 0x100
_MARK = "_is_coroutine_mark"
"""What `inspect.markcoroutinefunction` leaves in a function."""


def gives_coroutine(function: Any) -> bool:
    """Tell what `inspect.iscoroutinefunction` does."""
    plain = function
    while isinstance(plain, MethodType):
        plain = plain.__func__
    if isinstance(plain, FunctionType) and _MARK not in plain.__dict__:
        return bool(plain.__code__.co_flags & _CO_COROUTINE)
    if isinstance(plain, _PLAIN):
        return False
    return inspect.iscoroutinefunction(function)


def gives_generator(function: Any) -> bool:
    """Tell whether the function yields, be it a plain `def` or an `async def`."""
    code = getattr(function, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _CO_GENERATORS)


def is_awaitable(value: Any) -> bool:
    """Tell what `inspect.isawaitable` does."""
    if isinstance(value, GeneratorType):
        return bool(value.gi_code.co_flags & _CO_ITERABLE_COROUTINE)
    return isinstance(value, (CoroutineType, Awaitable))
