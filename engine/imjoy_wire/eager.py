"""Coroutines that mostly need not wait, run at once instead of in a task of their own."""

from __future__ import annotations

from types import coroutine
from typing import Any, Awaitable, Coroutine, Generator, Optional

__all__ = ["begun"]


def begun(work: Coroutine[Any, Any, Any]) -> Optional[Awaitable[Any]]:
    """Run a coroutine up to its first wait; return what is left of it, None if it has ended.

    The rest must be awaited, or made a task. Raises what the coroutine raises before it waits.
    """
    try:
        waited_for = work.send(None)
    except StopIteration:
        return None
    return _rest(work, waited_for)


@coroutine
def _rest(work: Coroutine[Any, Any, Any], waited_for: Any) -> Generator[Any, Any, Any]:
    while True:
        result = None
        try:
            result = yield waited_for
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's, to the last
            failure: Optional[BaseException] = error
        else:
            failure = None
        try:
            waited_for = work.send(result) if failure is None else work.throw(failure)
        except StopIteration as end:
            return end.value
