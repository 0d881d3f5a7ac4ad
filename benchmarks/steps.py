"""One small call without sockets: what each of its five steps takes, at once and after a rest.

The steps are those of the three processes on its way, and back. Here they come one after the other
in one process, with nothing but the wire's own work in them: no event loop, no system calls. The
difference between the two figures is what a call meets that travels alone: each of its processes
has slept before its turn, and others may have used the caches of its core.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measure import Row
from imjoy_wire import codec
from imjoy_wire.calls import IncomingCall
from imjoy_wire.delivery import Incoming, Sent
from imjoy_wire.frames import Frame, FrameDecoder, decode_frames, encode_frame
from imjoy_wire.peer import Peer

WORKER, CLIENT = "w_1f2e3d4c5b6a7988", "b_8899aabbccddeeff"
REST_S = 0.0005
"""About as long as a process of a small call waits for its turn."""
REPEATS = 100

Step = Callable[[], None]


class Reply:
    """What the caller waits on."""

    value: Any = None

    def resolve(self, value: Any = None) -> None:
        self.value = value

    def reject(self, error: BaseException) -> None:
        raise error


class End:
    """What a peer's process does for it: here it keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.calls: list[IncomingCall] = []

    def send(self, to: str, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def run_call(self, call: IncomingCall) -> None:
        self.calls.append(call)

    def new_promise(self, label: str, key: str = "") -> Reply:
        return Reply()

    def after_reports(self, callback_id: str, settle: Callable[[], None]) -> None:
        settle()

    def heard(self, sender: str, kind: str, message: dict[str, Any]) -> None:
        pass

    def soon(self, function: Callable[[], None]) -> None:
        function()


class SmallCall:
    """`echo({"x": 1})`, again and again: `steps` in turn are one call and its answer."""

    def __init__(self) -> None:
        self._there, self._here = End(), End()
        self._worker, self._client = Peer(WORKER, self._there), Peer(CLIENT, self._here)
        self._worker.export({"echo": lambda value: value})
        self._worker.offer(CLIENT)
        self._client.receive(WORKER, self._there.sent.pop())
        self._here.sent.clear()
        # Two sessions' ends, and the engine's and the worker's ends of a Unix socket.
        self._from_client, self._from_engine = Sent(), Sent()
        self._at_engine, self._at_client = Incoming(), Incoming()
        self._stream_in, self._stream_out = FrameDecoder(), FrameDecoder()
        self._bytes = b""
        self._reply: Any = None
        self.steps: dict[str, Step] = {
            "the client calls": self._called,
            "the engine passes it on": self._passed_on,
            "the plugin answers": self._answered,
            "the engine passes that on": self._passed_back,
            "the client hears it": self._heard,
        }

    @property
    def answer(self) -> Any:
        """What the last call has returned."""
        return self._reply.value

    def acknowledge(self) -> None:
        """Have both ends forget what has arrived, as acks do now and then."""
        self._from_client.acknowledged(self._at_engine.last)
        self._from_engine.acknowledged(self._at_client.last)

    def _called(self) -> None:
        interface = self._client.remotes[WORKER].interface
        assert interface is not None
        self._reply = interface["echo"]({"x": 1})
        frame = _frame(WORKER, CLIENT, self._here.sent.pop())
        self._bytes = b"".join(encode_frame(self._from_client.number(frame)))

    def _passed_on(self) -> None:
        (frame,) = decode_frames(self._bytes)
        taken = self._at_engine.take(frame)
        assert taken is not None
        self._bytes = b"".join(encode_frame(taken))

    def _answered(self) -> None:
        (frame,) = self._stream_in.feed(self._bytes)
        self._worker.receive(CLIENT, codec.unpack(frame.body, frame.buffers))
        call = self._there.calls.pop()
        args, _ = call.arguments()
        call.succeed(call.function(*args))
        self._bytes = b"".join(encode_frame(_frame(CLIENT, WORKER, self._there.sent.pop())))

    def _passed_back(self) -> None:
        (frame,) = self._stream_out.feed(self._bytes)
        self._bytes = b"".join(encode_frame(self._from_engine.number(frame)))

    def _heard(self) -> None:
        (frame,) = decode_frames(self._bytes)
        taken = self._at_client.take(frame)
        assert taken is not None
        self._client.receive(WORKER, codec.unpack(taken.body, taken.buffers))


def _frame(to: str, sender: str, message: dict[str, Any]) -> Frame:
    body, buffers = codec.pack(message)
    return Frame(to, sender, "rpc", body, buffers)


async def benchmark(rounds: int) -> list[Row]:
    """Return each step's time after a rest against its time at once, medians of rounds."""
    return await asyncio.to_thread(_rows, rounds)


def _rows(rounds: int) -> list[Row]:
    call = SmallCall()
    timed(call, REPEATS, 0.0)  # the first ones are made ready by the interpreter
    found = [(timed(call, REPEATS, 0.0), timed(call, REPEATS, REST_S)) for _ in range(rounds)]
    at_once, rested = (
        {name: statistics.median(each[name] for each in kind) for name in call.steps}
        for kind in zip(*found, strict=True)
    )
    return compared(at_once, rested)


def timed(call: SmallCall, repeats: int, rest_s: float) -> dict[str, float]:
    """Return the median of each step in µs, with so much rest before each."""
    took: dict[str, list[float]] = {name: [] for name in call.steps}
    for _ in range(repeats):
        for name, step in call.steps.items():
            if rest_s:
                time.sleep(rest_s)
            start = time.perf_counter_ns()
            step()
            took[name].append((time.perf_counter_ns() - start) / 1e3)
        call.acknowledge()
    return {name: statistics.median(values) for name, values in took.items()}


def compared(at_once: dict[str, float], rested: dict[str, float]) -> list[Row]:
    """Return a row for each step and one for all of them together."""
    at_once = {**at_once, "all of it": sum(at_once.values())}
    rested = {**rested, "all of it": sum(rested.values())}
    return [
        Row(
            f"step of a small call after {REST_S * 1e3:g} ms of rest: {name}",
            rested[name],
            "µs",
            f"{at_once[name]:.1f} µs at once",
            rested[name] / at_once[name],
        )
        for name in at_once
    ]
