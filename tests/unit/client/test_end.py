"""A program's end of one plugin, joined with the plugin in memory."""

from __future__ import annotations

import asyncio
import threading

import pytest

from imjoy_client.end import PluginEnd, Reply
from imjoy_client.errors import PluginFailedError
from imjoy_client.plugin_file import PluginSource, Script
from imjoy_wire import codec
from imjoy_wire.current import is_cancelled, report
from imjoy_wire.errors import CallTimeoutError
from imjoy_wire.frames import Frame

ANSWER = {"peer_id": "w", "client_peer": "c", "state": "ready"}


class Connection:
    """A client whose frames go to a plugin that lives beside it."""

    def __init__(self) -> None:
        self.thread_id = threading.get_ident()
        self.max_message_bytes = 1 << 20
        self.sent: list[Frame] = []
        self.tellings: list[tuple[str, object]] = []
        self.forgotten: list[str] = []
        self.deliver = self.sent.append

    def send(self, frame: Frame) -> None:
        self.deliver(frame)

    def forget(self, peer: str) -> None:
        self.forgotten.append(peer)

    def payload(self, frame: Frame) -> dict:
        return codec.unpack(frame.body)

    def told(self, plugin: PluginEnd, name: str, value: object) -> None:
        self.tellings.append((name, value))


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
async def end(connection):
    source = PluginSource({"name": "Trial"}, (Script("a = 1", 7),), "Trial.imjoy.html")
    end = PluginEnd(connection, "p1", source, {"log": lambda *_: None})
    end.attach(ANSWER)
    return end


def message(kind, **fields):
    return Frame("c", "w", "rpc", codec.pack({"type": kind, **fields})[0])


async def test_it_knows_who_it_is(end):
    assert (end.name, end.plugin_id, end.state) == ("Trial", "p1", "ready")
    assert end.interface == {}


async def test_a_message_that_cannot_be_read_is_dropped(end, caplog):
    end.frame(Frame("c", "w", "rpc", b"{{{"))
    assert "was dropped" in caplog.text


async def test_what_the_plugin_reports_is_passed_on(end, connection):
    end.frame(message("error", message="it went wrong"))
    assert connection.tellings == [("error", "it went wrong")]


async def test_it_runs_no_scripts(end, connection):
    end.frame(message("execute", code={"content": "1"}))
    answer = codec.unpack(connection.sent[-1].body)
    assert answer == {"type": "executed", "error": "This client runs no scripts."}


async def test_a_peer_that_nobody_knows_is_forgotten(end, connection):
    end.frame(Frame("c", "", "undeliverable", b'{"to":"x","code":"no-peer","message":"No."}'))
    assert connection.forgotten == ["x"]
    assert end.state == "ready"


@pytest.mark.parametrize(
    ("code", "state"), [("plugin-stopped", "stopped"), ("plugin-crashed", "failed")]
)
async def test_the_worker_going_is_the_end(end, code, state):
    body = codec.pack({"peer": "w", "reason": {"code": code, "message": "It has ended."}})[0]
    end.frame(Frame("c", "", "peer_gone", body))
    assert end.state == state
    with pytest.raises(PluginFailedError, match="It has ended"):
        await end.begin(resumed=False)


async def test_another_thread_sends_through_the_loop(end, connection):
    connection.thread_id = -1
    end.frame(message("execute", code={}))
    assert connection.sent == []


async def test_a_reply_is_settled_once():
    reply = Reply("echo", asyncio.get_running_loop())
    reply.resolve(1)
    reply.resolve(2)
    reply.reject(ValueError("late"))
    assert await reply == 1


async def test_a_reply_that_is_given_up_is_told_of_once(end):
    given_up = []
    loop = asyncio.get_running_loop()
    reply = Reply("echo", loop, given_up.append, "p1")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reply, 0.001)
    assert not reply.cancel()
    assert given_up == ["p1"]
    late = Reply("echo", loop, given_up.append, "p2")
    late.expire_after(0.001)
    with pytest.raises(CallTimeoutError, match="echo has not answered"):
        await late
    assert given_up == ["p1", "p2"]
    answered = Reply("echo", loop, given_up.append, "p3")
    answered.expire_after(1000)
    answered.resolve(1)
    assert await answered == 1
    assert not answered.cancel()
    assert given_up == ["p1", "p2"]


async def test_a_function_of_the_program_is_cancelled_and_reports(connection):
    begun, ended = asyncio.Event(), []

    async def wait():
        report("waiting")
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(is_cancelled())

    source = PluginSource({"name": "Trial"}, (), "Trial.imjoy.html")
    end = PluginEnd(connection, "p1", source, {"wait": wait})
    end.attach(ANSWER)
    end._peer.export({"wait": wait})
    end.frame(message("getInterface"))
    tree = codec.unpack(connection.sent[-1].body)["api"]["wait"]
    called = {"object_id": tree["_rintf"], "name": "wait", "args": []}
    called["promise"] = [{"_rvalue": "c1"}, {"_rvalue": "c2"}]
    end.frame(message("method", **called, progress={"_rvalue": "c3"}))
    await begun.wait()
    assert codec.unpack(connection.sent[-1].body)["args"] == ["waiting"]
    end.frame(message("cancel", call="c1"))
    end.frame(message("cancel", call="c1"))
    end.frame(message("method", **called | {"promise": [{"_rvalue": "d1"}, {"_rvalue": "d2"}]}))
    end.frame(message("cancel", call="d1"))  # before it has begun
    async with asyncio.timeout(10):
        while len(answers := [codec.unpack(frame.body) for frame in connection.sent[-2:]]) < 2 or (
            answers[-1].get("id") != "d2"
        ):
            await asyncio.to_thread(lambda: None)
    assert [answer["id"] for answer in answers] == ["c2", "d2"]
    assert {answer["args"][0]["_rname"] for answer in answers} == {"CancelledError"}
    assert ended == [True]


async def test_a_function_of_the_program_that_cancels_itself_answers_so(connection):
    def quits():
        raise asyncio.CancelledError

    source = PluginSource({"name": "Trial"}, (), "Trial.imjoy.html")
    end = PluginEnd(connection, "p1", source, {})
    end.attach(ANSWER)
    end._peer.export({"quits": quits})
    end.frame(message("getInterface"))
    tree = codec.unpack(connection.sent[-1].body)["api"]["quits"]
    answered = asyncio.Event()

    def deliver(frame):
        connection.sent.append(frame)
        answered.set()

    connection.deliver = deliver
    promise = [{"_rvalue": "c1"}, {"_rvalue": "c2"}]
    end.frame(message("method", object_id=tree["_rintf"], name="quits", args=[], promise=promise))
    async with asyncio.timeout(10):
        await answered.wait()
    answer = codec.unpack(connection.sent[-1].body)
    assert (answer["id"], answer["args"][0]["_rname"]) == ("c2", "CancelledError")


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_a_plain_function_of_the_program_answers_at_once_also_with_its_error(
    connection, error
):
    def fail():
        raise error

    async def seven():
        return 7

    source = PluginSource({"name": "Trial"}, (), "Trial.imjoy.html")
    end = PluginEnd(connection, "p1", source, {})
    end.attach(ANSWER)
    end._peer.export({"fail": fail, "later": lambda: seven()})
    end.frame(message("getInterface"))
    tree = codec.unpack(connection.sent[-1].body)["api"]["fail"]
    promise = [{"_rvalue": "c1"}, {"_rvalue": "c2"}]
    called = {"object_id": tree["_rintf"], "args": [], "promise": promise}
    end.frame(message("method", name="fail", **called))
    answer = codec.unpack(connection.sent[-1].body)
    assert (answer["id"], answer["args"][0]["_rname"]) == ("c2", error.__name__)
    answered = asyncio.Event()
    connection.deliver = lambda frame: (connection.sent.append(frame), answered.set())
    end.frame(message("method", name="later", **called))
    async with asyncio.timeout(10):
        await answered.wait()
    answer = codec.unpack(connection.sent[-1].body)
    assert (answer["id"], answer["args"]) == ("c1", [7])
