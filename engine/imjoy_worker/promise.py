"""What a call of another peer's function returns: sent already, and waited for as one likes.

await promise                           in the plugin's loop, or in any other
promise.then(f).catch(g).finally_(h)    f, g, h run in the plugin's loop
promise.result(timeout_s)               in any thread
promise.cancel()                        the call is given up, and its other end told
promise                                 or not at all
"""

import asyncio
import sys
import threading
from typing import Any, Callable, Generator, List, Optional, Tuple

from imjoy_wire.current import interrupted_by, is_cancelled
from imjoy_wire.errors import CallTimeoutError, PeerGoneError

from .coroutines import is_awaitable
from .executors import step_aside

__all__ = ["Promise"]

Handler = Callable[..., Any]
Schedule = Callable[..., Any]


class Promise:
    """The answer of a call that is on its way.

    Settled once, by `resolve`, `reject` or `cancel`, from any thread. An error that nobody has
    looked at when the promise is collected is told in one line on stderr; a peer that left is no
    news. A task that is cancelled while it awaits the promise cancels the call, as with a future.
    """

    def __init__(
        self,
        label: str,
        schedule: Schedule,
        dispose: Optional[Handler] = None,
        give_up: Optional[Handler] = None,
        key: str = "",
    ) -> None:
        """`schedule` runs a function in the plugin's loop soon, as `call_soon_threadsafe` does.

        `give_up(key)` tells the other end that nobody waits any more.
        """
        self.label = label
        self._schedule = schedule
        self._dispose = dispose
        self._give_up = give_up
        self._key = key
        self._timer: Any = None
        self._lock = threading.Lock()
        self._callbacks: List[Tuple[Handler, Any]] = []  # with the loop to call them in, if any
        self._is_settled = False
        self._is_seen = False
        self._value: Any = None
        self._error: Optional[BaseException] = None
        self._entered: Any = None
        self._again: Optional[Handler] = None

    def __repr__(self) -> str:
        state = "pending" if not self._is_settled else "rejected" if self._error else "resolved"
        return "<Promise of {} {}>".format(self.label, state)

    # Settling

    def resolve(self, value: Any = None) -> None:
        """Let whoever waits have the value; does nothing the second time."""
        self._settle(value, None)

    def reject(self, error: Optional[BaseException] = None) -> None:
        """Raise the error where somebody waits; does nothing the second time."""
        if isinstance(error, PeerGoneError):
            with self._lock:
                again, self._again = self._again, None
            if again is not None:
                again(error)
                return
        self._settle(None, error if error is not None else RuntimeError("rejected"))

    def cancel(self, msg: Any = None) -> bool:
        """Give the call up: whoever waits has CancelledError, and the other end is told.

        Returns False, and does nothing, when it is settled.
        """
        self._is_seen = True
        return self._end(asyncio.CancelledError())

    def give_up_by(self, cancel: Handler) -> None:
        """Have `cancel()` called when this promise is given up: it stands for another call."""
        self._give_up = lambda _: cancel()

    def expire_after(self, timeout_s: float) -> None:
        """Give the call up with CallTimeoutError when there is no answer after so many seconds."""
        _schedule_quietly(self._schedule, self._start_timer, timeout_s)

    def _start_timer(self, timeout_s: float) -> None:
        error = CallTimeoutError(self.label, timeout_s)
        with self._lock:
            if not self._is_settled:
                self._timer = asyncio.get_running_loop().call_later(timeout_s, self._end, error)

    def _end(self, error: BaseException) -> bool:
        if not self._settle(None, error):
            return False
        if self._give_up is not None:
            self._give_up(self._key)
        return True

    def when_peer_gone(self, again: Handler) -> None:
        """Hand the error to `again` when the peer leaves without an answer, once."""
        with self._lock:
            if not self._is_settled:
                self._again = again

    def _settle(self, value: Any, error: Optional[BaseException]) -> bool:
        with self._lock:
            if self._is_settled:
                return False
            self._value, self._error = value, error
            self._is_settled = True
            callbacks, self._callbacks = self._callbacks, []
        if self._timer is not None:
            _schedule_quietly(self._schedule, self._timer.cancel)
        for callback, loop in callbacks:
            self._call_back(callback, loop)
        return True

    def when_settled(self, callback: Handler) -> None:
        """Call `callback()` when it is settled, in the settling thread; that is no look at it."""
        self._when_settled(lambda _: callback())

    def _when_settled(self, callback: Handler, loop: Any = None) -> None:
        """Call `callback(self)` in a loop; without one in the settling thread, or now."""
        with self._lock:
            if not self._is_settled:
                self._callbacks.append((callback, loop))
                return
        self._call_back(callback, loop)

    def _call_back(self, callback: Handler, loop: Any) -> None:
        if loop is None:
            callback(self)
        else:
            # A loop that runs here is awake already.
            is_here = _running_loop() is loop
            schedule = loop.call_soon if is_here else loop.call_soon_threadsafe
            _schedule_quietly(schedule, callback, self)

    def pass_on(self, other: "Promise") -> None:
        """Let another promise end as this one does."""
        self._is_seen = True
        self._when_settled(lambda _: other._settle(self._value, self._error))

    # Asking, like a future

    def done(self) -> bool:
        """Tell whether the answer is there."""
        return self._is_settled

    def cancelled(self) -> bool:
        """Tell whether the call was given up by `cancel`."""
        return isinstance(self._error, asyncio.CancelledError)

    def result(self, timeout: Optional[float] = None) -> Any:
        """Wait in this thread, at most `timeout` seconds, and return the value or raise the error.

        Raises TimeoutError, and CancelledError when the call that waits here is cancelled. In the
        plugin's loop `await` the promise instead: this would stop it.
        """
        self._wait(timeout)
        return self._outcome()

    def exception(self, timeout: Optional[float] = None) -> Optional[BaseException]:
        """Wait as `result` does, and return the error, None if there is none."""
        self._wait(timeout)
        self._is_seen = True
        return self._error

    def add_done_callback(self, callback: Handler, *, context: Any = None) -> None:
        """Call `callback(promise)` when it is settled, in this thread's running loop if any."""
        self._is_seen = True
        self._when_settled(callback, _running_loop())

    def remove_done_callback(self, callback: Handler) -> int:
        """Take a callback of `add_done_callback` back; return how many there were."""
        with self._lock:
            before = len(self._callbacks)
            self._callbacks = [known for known in self._callbacks if known[0] != callback]
            return before - len(self._callbacks)

    def _wait(self, timeout: Optional[float]) -> None:
        if self._is_settled:
            return
        arrived = threading.Event()
        self._when_settled(lambda _: arrived.set())
        step_aside()
        with interrupted_by(arrived.set):
            has_arrived = arrived.wait(timeout)
        if is_cancelled() and self.cancel():
            raise asyncio.CancelledError
        if not has_arrived:
            raise TimeoutError("{} has not answered within {} s".format(self.label, timeout))

    def _outcome(self) -> Any:
        self._is_seen = True
        if self._error is not None:
            raise self._error
        return self._value

    # Awaiting

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._is_settled:
            loop = asyncio.get_running_loop()
            future = loop.create_future()
            self._is_seen = True
            self._when_settled(lambda _: _wake(future, loop))
            try:
                yield from future
            except asyncio.CancelledError:
                self.cancel()
                raise
        return self._outcome()

    async def __aenter__(self) -> Any:
        """Return the remote object, entered if it is a context manager itself."""
        value = await self
        if isinstance(value, dict) and "__enter__" in value:
            value = await value["__enter__"]()
        self._entered = value
        return value

    async def __aexit__(self, *_: Any) -> None:
        """Leave the remote object and have it forgotten where it lives."""
        value, self._entered = self._entered, None
        if isinstance(value, dict) and "__exit__" in value:
            await value["__exit__"]()
        if isinstance(value, dict) and "_rintf" in value and self._dispose is not None:
            await self._dispose(value)

    # Chaining, as in JavaScript

    def then(self, handler: Handler, on_error: Optional[Handler] = None) -> "Promise":
        """Return a promise of `handler(value)`; errors pass by, or go to `on_error`."""
        return self._chain(handler, on_error)

    def catch(self, handler: Handler) -> "Promise":
        """Return a promise of the value, or of `handler(error)` if there is an error."""
        return self._chain(None, handler)

    def finally_(self, handler: Handler) -> "Promise":
        """Return a promise of the same outcome after `handler()` has run."""

        def after_value(value: Any) -> Any:
            step = handler()
            return _followed(step, value, None) if is_awaitable(step) else value

        def after_error(error: BaseException) -> Any:
            step = handler()
            if is_awaitable(step):
                return _followed(step, None, error)
            raise error

        return self._chain(after_value, after_error)

    def _chain(self, on_value: Optional[Handler], on_error: Optional[Handler]) -> "Promise":
        following = Promise(self.label, self._schedule, self._dispose, lambda _: self.cancel())
        self._is_seen = True

        def step() -> None:
            error = self._error
            handler = on_value if error is None else on_error
            if handler is None:
                following._settle(self._value, error)
                return
            try:
                outcome = handler(self._value if error is None else error)
            except Exception as failure:  # noqa: BLE001 - a handler's error is the chain's outcome
                following.reject(failure)
                return
            if is_awaitable(outcome):
                _follow(outcome, following)
            else:
                following.resolve(outcome)

        self._when_settled(lambda _: _schedule_quietly(self._schedule, step))
        return following

    def __del__(self) -> None:
        if self._error is None or self._is_seen or isinstance(self._error, PeerGoneError):
            return
        line = "{} failed and nobody looked: {}\n".format(self.label, self._error)
        try:
            sys.stderr.write(line)
        except Exception:  # noqa: BLE001, S110 - the interpreter may be half gone
            pass


async def _followed(step: Any, value: Any, error: Optional[BaseException]) -> Any:
    await step
    if error is not None:
        raise error
    return value


def _follow(outcome: Any, following: Promise) -> None:
    """Settle one promise as an awaitable ends; runs in the plugin's loop."""

    def ended(future: Any) -> None:
        if future.cancelled():
            following.reject(asyncio.CancelledError())
        elif future.exception() is not None:
            following.reject(future.exception())
        else:
            following.resolve(future.result())

    asyncio.ensure_future(outcome).add_done_callback(ended)


def _wake(future: Any, loop: Any) -> None:
    if _running_loop() is not loop:
        _schedule_quietly(loop.call_soon_threadsafe, _wake, future, loop)
    elif not future.done():
        future.set_result(None)


def _schedule_quietly(schedule: Schedule, function: Handler, *args: Any) -> None:
    try:
        schedule(function, *args)
    except RuntimeError:  # that loop is closed: nobody waits there any more
        pass


def _running_loop() -> Any:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
