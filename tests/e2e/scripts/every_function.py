"""A plugin that calls everything which the core gives it, and prints a line for each.

The test writes ENGINE_URL and PEER_SOURCE above it.
"""

# ruff: noqa: F821, T201, PT017 - the names are the test's, and what is printed is the report

import asyncio
import traceback
from pathlib import Path

from imjoy import api

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


async def error_of(promise):
    """Return what awaiting raises, as text; an AssertionError when it does not."""
    try:
        result = await promise
    except Exception as error:  # noqa: BLE001 - any error will do, its words are looked at
        return str(error)
    raise AssertionError(f"nothing was raised, but this returned: {result!r}")


# ── dialogs: the person answers in this order ────────────────────────────────────────────────


@check
async def alert():
    assert await api.alert("An alert") is None
    assert (
        await api.alert({"content": "An alert with <b>a title</b>", "title": "The title"}) is None
    )


@check
async def prompt():
    assert await api.prompt("How many?", "3") == "4"
    assert await api.prompt({"content": "Cancelled?", "title": "Never mind"}) is None


@check
async def confirm():
    assert await api.confirm("Yes?") is True
    assert await api.confirm({"content": "No?", "title": "Certainly"}) is False


@check
async def showDialog():
    ui = "<h2>Settings</h2><br>Size {id: 'size', type: 'number', placeholder: 3} and \
          mode {id: 'mode', type: 'choose', options: ['fast', 'good'], placeholder: 'fast'}"
    answers = await api.showDialog(type="joy", name="A form", ui=ui)
    assert answers == {"size": 3, "mode": "good"}, answers
    assert answers.mode == "good"
    ui = [{"One": {"id": "one", "type": "string", "placeholder": "1"}}]
    words = await error_of(api.showDialog({"name": "Cancel me", "ui": ui}))
    assert words, "cancelling says nothing"
    window = await api.showDialog(type="Peer window", name="A window in front", data={"a": 1})
    assert await window.add(1, 2) == 3
    await window.close()


@check
async def showFileDialog():
    Path("measured.txt").write_text("1 2 3")
    chosen = await api.showFileDialog(type="file", title="Pick one", root=api.WORK_DIR)
    assert len(chosen) == 1, chosen
    assert Path(chosen[0].path).read_text() == "1 2 3"
    assert chosen[0]["url"].startswith(api.FILE_MANAGER_URL), chosen
    assert await api.showFileDialog(type="directory", title="Cancel it") == []


# ── messages ─────────────────────────────────────────────────────────────────────────────────


@check
async def messages():
    await api.showMessage("a message", 1)
    await api.showSnackbar("a snack", duration=1)
    await api.showStatus("a status")
    for value in (0.25, 50, 100):
        await api.showProgress(value)
        await api.progress(value)


@check
async def log():
    await api.log("several", "words", 3)
    await api.log({"type": "image", "value": "data:image/gif;base64,R0lGODlhAQABAAAAACw="})
    await api.log({"type": "progress", "value": 40})
    await api.error("an error", {"a": 1})


@check
async def exportFile():
    await api.exportFile("some text", "exported.txt")


# ── values ───────────────────────────────────────────────────────────────────────────────────


@check
async def constants():
    assert str(Path.cwd()) == api.WORK_DIR == api.config.work_dir == api.config["work_dir"]
    assert Path(api.WORK_DIR).is_dir()
    assert api.ENGINE_URL == api.FILE_MANAGER_URL == api.config.engine == ENGINE_URL
    assert api.config.file_manager == ENGINE_URL
    assert api.TAG == api.config.tag == "GPU", api.TAG
    assert api.WORKSPACE == api.config.workspace == "default", api.WORKSPACE
    assert api.config.name == "Everything"


@check
async def echo():
    for value in (None, True, 1, -0.5, "é\u2028", b"\x00\xff", [1, [2, {"three": 3}]], {}):
        assert await api.echo(value) == value


@check
async def setConfig():
    await api.setConfig("threshold", 0.5)
    assert float(await api.getConfig("threshold")) == 0.5
    assert await api.getConfig("never set") is None
    assert "readonly" in await error_of(api.setConfig("_name", "x"))
    assert await api.getConfig("_name") == "Everything"


@check
async def getAttachment():
    assert (await api.getAttachment("notes")).strip() == "A note."
    assert await api.getAttachment("nothing") is None


# ── windows ──────────────────────────────────────────────────────────────────────────────────


@check
async def createWindow():
    window = await api.createWindow(type="Peer window", name="Mine", w=5, h=5, data={"a": 1})
    assert await window.add(1, 2) == 3
    await window.run({"data": {"a": 2}})
    assert await window.seen() == 2
    await window.focus()
    await window.resize()
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()
    await window.on("close", lambda *_: loop.call_soon_threadsafe(closed.set))
    await window.emit("anything", {"a": 1})
    again = await api.getWindow("Mine")
    assert await again.add(2, 2) == 4
    assert await api.getWindow("No such window") is None
    await window.close()
    await asyncio.wait_for(closed.wait(), 20)
    assert "No such type" in await error_of(api.createWindow(type="No such type"))
    assert "imjoy/nothing" in await error_of(api.createWindow(type="imjoy/nothing", data={}))


@check
async def builtInWindows():
    windows = []
    pixel = {"src": "data:image/gif;base64,R0lGODlhAQABAAAAACw="}
    for kind, data in (
        ("imjoy/image", pixel),
        ("imjoy/image-compare", {"first": pixel["src"], "second": pixel["src"]}),
        ("imjoy/generic", {"a": [1, 2, {"b": None}]}),
        ("imjoy/markdown", {"source": "# Words"}),
        ("imjoy/schema-io", {"title": "Schema", "data": {"a": 1}}),
        ("imjoy/plugin-editor", {"id": "x", "code": "<config></config>"}),
    ):
        windows.append(await api.createWindow(type=kind, name=kind, data=data))
    ui = {"ui": "N {id: 'n', type: 'number'}"}
    windows.append(await api.createWindow(type="imjoy/joy", name="A panel", config=ui))
    await asyncio.gather(*[window.close() for window in windows])


# ── other plugins ────────────────────────────────────────────────────────────────────────────


@check
async def getPlugin():
    for found in (
        await api.getPlugin("Peer"),
        await api.getPlugin(name="Peer"),
        await api.loadPlugin({"name": "Peer"}),
    ):
        assert await found.triple(5) == 15
    assert "No such plugin" in await error_of(api.getPlugin("No such plugin"))


@check
async def getPluginFromSource():
    loaded = await api.getPlugin(src=PEER_SOURCE.replace('"Peer"', '"Peer from source"'))
    assert await loaded.triple(2) == 6
    words = await error_of(api.getPlugin(src="<config>\nbroken\n</config>"))
    assert "not valid JSON" in words, words


@check
async def call():
    assert await api.call("Peer", "triple", 7) == 21
    assert "nothing" in await error_of(api.call("Peer", "nothing"))
    assert "Nobody" in await error_of(api.call("Nobody", "triple"))
    assert "too many" in await error_of(api.call("Peer", "fail", "too many"))


@check
async def run():
    assert await api.run("Peer", {"config": {"n": 4}}) == "ran with 4"
    assert "Nobody" in await error_of(api.run("Nobody"))


@check
async def installPlugin():
    source = PEER_SOURCE.replace('"Peer"', '"Installed"')
    await api.installPlugin(src=source, do_not_load=True)
    await api.uninstallPlugin(name="Installed")
    assert await error_of(api.installPlugin({}))


# ── services ─────────────────────────────────────────────────────────────────────────────────


@check
async def registerService():
    service = {"type": "operator", "name": "Square", "ui": "", "run": lambda ctx: ctx.n**2}
    for register, unregister in (
        (api.registerService, api.unregisterService),
        (api.register, api.unregister),
    ):
        service_id = await register(service)
        found = await api.getServices(name="Square")
        assert [each.id for each in found] == [service_id], found
        assert await found[0].run({"n": 6}) == 36
        await unregister({"id": service_id})
        assert await api.getServices(name="Square") == []
    assert await error_of(api.registerService(type="@no-such-type", name="x"))
    assert await error_of(api.registerService(type="engine", name="x", url="y"))


@check
async def getEngine():
    engine = await api.getEngine(api.ENGINE_URL)
    assert engine.name, engine
    assert (await engine.getEngineStatus())["plugin_num"] >= 1
    assert (await engine.getEngineConfig())["version"]
    assert await engine.heartbeat() is True
    assert (await api.getEngineFactory("ImJoy-Engine")).name == "ImJoy-Engine"


# ── files ────────────────────────────────────────────────────────────────────────────────────


@check
async def getFileManager():
    manager = await api.getFileManager(api.FILE_MANAGER_URL)
    Path("doomed.txt").write_text("gone soon")
    listed = await manager.listFiles(api.WORK_DIR, "file", False)
    assert "doomed.txt" in [child.name for child in listed.children], listed
    path = str(Path("doomed.txt").resolve())
    assert (await manager.getFileUrl({"path": path})).startswith(api.ENGINE_URL)
    assert (await manager.requestUploadUrl({"path": "new.txt"})).startswith(api.ENGINE_URL)
    await manager.removeFile(path, "file")
    assert not Path(path).exists()
    assert await error_of(manager.listFiles("/no/such/folder", "file", False))
    assert await error_of(api.getFileManager("http://nowhere.invalid"))


@check
async def getFileUrl():
    Path("seen.txt").write_text("seen")
    where = {"path": str(Path("seen.txt").resolve()), "file_manager": api.FILE_MANAGER_URL}
    assert (await api.getFileUrl(where)).startswith(api.ENGINE_URL)
    upload = {"path": "other.txt", "file_manager": api.FILE_MANAGER_URL}
    assert (await api.requestUploadUrl(upload)).startswith(api.ENGINE_URL)
    assert "file_manager" in await error_of(api.getFileUrl({"path": "x"}))


# ── the rest ─────────────────────────────────────────────────────────────────────────────────


@check
async def utils():
    await api.utils.sleep(0)
    await api.utils.sleep(0.01)
    getattr(api.utils, "$forceUpdate")()
    await api.utils.openUrl(api.ENGINE_URL + "/licenses.txt")
    assert await error_of(api.utils.showOpenFilePicker())
    assert await error_of(api.utils.showSaveFilePicker())
    assert await error_of(api.utils.showDirectoryPicker())


@check
async def events():
    heard = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listener(*words):
        loop.call_soon_threadsafe(heard.put_nowait, words)

    await api.on("news", listener)
    await api.emit("news", {"n": 1})
    assert (await asyncio.wait_for(heard.get(), 20))[0] == {"n": 1}
    await api.off("news", listener)
    await api.onClose(listener)


@check
async def connectToServer():
    assert await error_of(api.connectToServer({"server_url": api.ENGINE_URL, "name": "x"}))


@check
async def codecs():
    class Point:
        def __init__(self, x, y):
            self.x, self.y = x, y

    api.registerCodec(
        name="point",
        type=Point,
        encoder=lambda point: {"_rtype": "point", "x": point.x, "y": point.y},
        decoder=lambda form: Point(form["x"], form["y"]),
    )
    point = await api.echo(Point(1, 2))
    assert (point.x, point.y) == (1, 2), point


@check
async def disposeObject():
    made = await api.call("Peer", "make")
    assert await made.name() == "made"
    await api.disposeObject(made)
    assert await error_of(made.name())


@check
async def missing():
    for name in ("noSuchFunction", "utils.noSuchFunction"):
        try:
            target = api
            for part in name.split("."):
                target = getattr(target, part)
            await target()
        except AttributeError as error:
            assert "noSuchFunction" in str(error)
        else:
            raise AssertionError(f"{name} is there")


class Everything:
    def setup(self):
        assert sorted(CHECKS), "nothing to check"

    async def run(self, ctx):
        # It answers after 15 s only: the others do not wait for it.
        slow = asyncio.create_task(reported("connectToServer", CHECKS.pop("connectToServer")))
        good = [await reported(name, function) for name, function in CHECKS.items()]
        good.append(await slow)
        return f"{sum(good)} of {len(good)} are good"


async def reported(name, function):
    try:
        await asyncio.wait_for(function(), 40)
    except Exception as error:  # noqa: BLE001 - each is reported
        line = traceback.extract_tb(error.__traceback__)[-1].line
        print(f"FAILED {name}: {error!r:.400} at {line}")
        return False
    print(f"good {name}")
    return True


api.export(Everything())
