"""The object `api` that plugins know."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from imjoy_wire.errors import RemoteError
from support.plugin_process import DEADLINE_S, WORKER_ID, running_worker, welcome

VALUES = """
api.export({
    'values': lambda: [api.TAG, api.WORKSPACE, api.ENGINE_URL, api.FILE_MANAGER_URL, api.WORK_DIR],
    'config': lambda: dict(api.config),
})
"""


async def test_the_values_are_true_where_the_core_leaves_them_empty(started, short_dir):
    core = {
        "TAG": "",
        "WORKSPACE": "mine",
        "ENGINE_URL": None,
        "config": {},
        "log": lambda *_: None,
    }
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(VALUES)
        url, work_dir = "http://127.0.0.1:9527", str(short_dir / "work")
        assert await api.values() == ["CPU", "mine", url, url, work_dir]
        config = await api.config()
        assert config == config | {
            "id": "p1",
            "name": "Trial",
            "tag": "CPU",
            "workspace": "default",
            "engine": url,
            "file_manager": url,
            "work_dir": work_dir,
        }


async def test_the_core_knows_better_what_it_does_say(started):
    core = {"config": {"engine": "http://core", "work_dir": "/", "x": 1}, "TAG": "GPU"}
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(VALUES)
        config = await api.config()
        assert (config["engine"], config["x"]) == ("http://core", 1)
        assert config["work_dir"] != "/"
        assert (await api.values())[0] == "GPU"


async def test_config_reads_like_attributes_and_keeps_what_is_put_there(started):
    script = """
api.config.mine = 3
api.export({'read': lambda: [api.config.mine, api.config.name, api.config.missing]})
"""
    async with started() as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.read() == [3, "Trial", None]


async def test_functions_work_before_the_core_has_said_what_they_are(started):
    script = """
import asyncio
results = []
api.echo(1).then(results.append)
asyncio.ensure_future(api.utils.double(4)).add_done_callback(lambda f: results.append(f.result()))
api.missing().catch(lambda error: results.append(str(error)))
api.export({'results': lambda: results, 'run': lambda: api.utils.double(2)})
"""
    core = {"echo": lambda value: value, "utils": {"double": lambda value: value * 2}}
    async with started(core=core) as engine:
        browser = engine.clients["browser"]
        initialized = browser.peer.expect(WORKER_ID, "initialized", "greeting")
        browser.peer.send(WORKER_ID, "initialize", config={})
        await initialized
        await browser.execute(script)
        browser.peer.offer(WORKER_ID)
        api = await browser.interface()
        async with asyncio.timeout(DEADLINE_S):
            while len(results := await api.results()) < 3:
                await api.run()
        assert sorted(map(str, results)) == [
            "1",
            "8",
            "the ImJoy API of this client has no 'missing'",
        ]


async def test_a_function_that_is_not_there_is_an_attribute_error(started):
    script = """
def ask():
    return hasattr(api, 'echo'), 'echo' in api, hasattr(api, 'dance'), api.get('dance', 5)
api.export({
    'ask': ask,
    'call': lambda: api.dance(),
    'item': lambda: api['echo'](3).result(),
    'snake': lambda: api.show_message('x').result(),
    'names': lambda: [name for name in dir(api) if name in ('echo', 'TAG', 'export')],
})
"""
    core = {"echo": lambda value: value, "showMessage": lambda text: text + "!"}
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.ask() == [True, True, False, 5]
        with pytest.raises(RemoteError, match="no 'dance'") as failed:
            await api.call()
        assert failed.value.name == "AttributeError"
        assert await api.item() == 3
        assert await api.snake() == "x!"
        assert await api.names() == ["TAG", "echo", "export"]


async def test_calls_are_sent_whether_they_are_awaited_or_not(started):
    shown = []
    script = """
import asyncio
def plain():
    api.showStatus('plain')
async def coroutine():
    api.showStatus('coroutine')
    api.showStatus('then').then(lambda _: api.showStatus('chained'))
api.showStatus('script')
def last():
    return api.showStatus('last').result()
api.export({'plain': plain, 'coroutine': coroutine, 'last': last})
"""
    async with started(core={"showStatus": shown.append}) as engine:
        api = await engine.clients["browser"].start(script)
        await api.plain()
        await api.coroutine()
        async with asyncio.timeout(DEADLINE_S):
            while "chained" not in shown:
                await api.last()
        assert shown[:4] == ["script", "plain", "coroutine", "then"]
        engine.control("shutdown", {})
        assert await engine.exit_code() == 0
        assert engine.err == []


async def test_keywords_and_errors_of_core_functions(started):
    def show_dialog(**config):
        if config.get("cancel"):
            raise ValueError("the dialog was cancelled")
        return config

    script = """
async def ask(**config):
    try:
        return await api.showDialog(**config)
    except Exception as error:
        return str(error)
api.export({'ask': ask})
"""
    async with started(core={"showDialog": show_dialog}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.ask(type="joy", w=3) == {"type": "joy", "w": 3}
        assert await api.ask(cancel=True) == "the dialog was cancelled"


async def test_a_core_function_keeps_a_plugins_functions_when_it_registers_them(started):
    registered = []
    core = {"registerService": registered.append, "on": lambda *args: registered.append(args)}
    script = """
api.registerService({'type': 'operator', 'name': 'double', 'run': lambda n: n * 2})
api.on('close', lambda: 'closed')
api.export({'ready': lambda: True})
"""
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.ready()
        service, (event, handler) = registered
        assert [await service["run"](number) for number in (1, 2, 3)] == [2, 4, 6]
        assert event == "close"
        assert [await handler(), await handler()] == ["closed", "closed"]


async def test_codecs_and_remote_objects(started):
    disposed = []
    core = {
        "open": lambda: {"_rintf": True, "name": "file", "size": lambda: 9},
        "echo": lambda value: value,
        "shape": lambda form: form["_rtype"],
    }
    script = """
class Cat:
    def __init__(self, name):
        self.name = name
api.registerCodec({'name': 'cat', 'type': Cat, 'encoder': lambda cat: {'name': cat.name},
                   'decoder': lambda form: Cat(form['name'])})
async def cats():
    return (await api.echo(Cat('boboshu'))).name, await api.shape(Cat('x'))
async def objects():
    opened = await api.open()
    size = await opened.size()
    await api.dispose_object(opened)
    async with api.open() as again:
        size += await again.size()
    try:
        await again.size()
    except Exception as error:
        return size, str(error)
def wrong():
    api.disposeObject({})
def codec(**fields):
    api.register_codec(**fields)
api.export({'cats': cats, 'objects': objects, 'wrong': wrong, 'codec': codec})
"""
    async with started(core=core) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.cats() == ["boboshu", "cat"]
        size, error = await api.objects()
        assert size == 18
        assert "no function 'size'" in error
        with pytest.raises(RemoteError, match="not an object"):
            await api.wrong()
        with pytest.raises(RemoteError, match="needs a name"):
            await api.codec()
        with pytest.raises(RemoteError, match="no type"):
            await api.codec(name="x", encoder=lambda value: value)
    assert disposed == []


async def test_what_can_be_exported(started):
    async with started() as engine:
        browser = engine.clients["browser"]
        api = await browser.start("api.init({'name': 'renamed'})")
        assert await api.setup() is None
        with pytest.raises(RemoteError, match=r"api\.export\(Plugin\(\)\)"):
            await browser.execute("class Plugin: pass\napi.export(Plugin)")
        with pytest.raises(RemoteError, match="'bad'"):
            await browser.execute("api.export({'bad': range(3), 'f': print})")
        await browser.execute(
            "state = []\n"
            "api.export({'run': lambda: state, 'nested': {'f': lambda: 5}}).then(state.append)"
        )
        api = await browser.interface()
        assert await api.nested.f() == 5
        async with asyncio.timeout(DEADLINE_S):
            while await api.run() != [None]:
                pass


async def test_the_local_tools(started):
    script = """
import subprocess, sys
def end():
    child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)
    api.utils.kill(child)
    return child.returncode
api.export({'end': end, 'core': lambda: api.utils['openUrl']('u').result(),
            'none': lambda: api.utils.get('dance')})
"""
    async with started(core={"utils": {"openUrl": lambda url: url}}) as engine:
        api = await engine.clients["browser"].start(script)
        assert await api.end() == -9
        assert await api.core() == "u"
        assert await api.none() is None


PATIENT = """
import threading
asked = []
def ask():
    for number in range(3):
        api.showProgress(number)
        api.log(f"line {number}")
    print("asked", flush=True)
    print("the answer is", api.prompt("Well?").result(20), flush=True)
api.export({"run": ask, "setup": lambda: None})
"""


def page(
    log: list[str], answer: str | None, asked: asyncio.Event | None = None
) -> dict[str, object]:
    """Return a core that notes what it is told; a prompt is answered, or never."""

    async def prompt(question: str) -> str:
        log.append(question)
        if asked is not None:
            asked.set()
        return answer if answer is not None else await asyncio.get_running_loop().create_future()

    return {"log": log.append, "showProgress": log.append, "prompt": prompt}


async def test_what_a_page_left_unanswered_is_asked_of_the_page_in_its_place(started):
    first: list[str] = []
    asked = asyncio.Event()
    async with started(core=page(first, None, asked)) as engine:
        api = await engine.clients["browser"].start(PATIENT)
        running = asyncio.ensure_future(api.run())
        async with asyncio.timeout(DEADLINE_S):
            await asked.wait()
        engine.control("peer_gone", {"peer": "browser", "reason": {"code": "page-replaced"}})
        second: list[str] = []
        engine.client("anew", page(second, "yes"))
        engine.control("peer_joined", {"peer": "anew", "replaces": ["browser"]})
        await engine.clients["anew"].greet()
        await engine.printed("the answer is yes")
        running.cancel()
    assert second[-1] == "Well?"
    assert first[-1] == "Well?"


async def test_with_no_client_left_calls_wait_for_the_next_and_of_progress_the_last(started):
    script = PATIENT + "go = threading.Event()\n"
    script += "threading.Thread(target=lambda: (go.wait(), ask()), daemon=True).start()\n"
    async with started() as engine:
        await engine.clients["browser"].start(script)
        engine.control("peer_gone", {"peer": "browser"})
        helper = engine.client("helper", {})
        helper.peer.execute(WORKER_ID, "go.set()", "helper.py")
        await engine.printed("asked")
        log: list[str] = []
        await engine.join("colleague", page(log, "fine")).greet()
        await engine.printed("the answer is fine")
    assert log == ["line 0", "line 1", 2, "line 2", "Well?"]


async def test_a_page_that_takes_its_leave_has_not_lost_its_functions(started):
    """What it has not answered waits for another page, or ends with the plugin without a word."""
    came = {"showProgress": asyncio.Event(), "showStatus": asyncio.Event()}

    def silent(name: str) -> Any:
        async def function(_: Any) -> None:
            came[name].set()
            await asyncio.get_running_loop().create_future()

        return function

    script = (
        "def run():\n    api.showProgress(1)\n    api.showStatus('half')\napi.export({'run': run})"
    )
    async with started(core={name: silent(name) for name in came}) as engine:
        browser = engine.clients["browser"]
        await (await browser.start(script)).run()
        async with asyncio.timeout(DEADLINE_S):
            for event in came.values():
                await event.wait()
        browser.peer.send(WORKER_ID, "disconnect")
        engine.control("shutdown", {"grace_s": 10})
        assert await engine.exit_code() == 0
        assert engine.err == []


async def test_a_plugin_that_ends_waits_for_no_client(started):
    script = (
        PATIENT + "def leave():\n    print('left:', api.prompt('x').exception(20), flush=True)\n"
    )
    script += "api.export({'exit': leave})\n"
    async with started() as engine:
        await engine.clients["browser"].start(script)
        engine.control("peer_gone", {"peer": "browser"})
        engine.control("shutdown", {"grace_s": 10})
        assert "no page is connected" in await engine.printed("left:")
        assert await engine.exit_code() == 0


async def test_a_worker_that_is_told_little_has_empty_values(short_dir, command):
    bare = welcome(plugin=None, workspace=None, engine_url=None, file_manager_url=None)
    async with running_worker(
        short_dir, command, answer=lambda engine: engine.control("welcome", bare)
    ) as engine:
        api = await engine.clients["browser"].start(VALUES)
        assert await api.values() == ["", "", "", "", ""]
