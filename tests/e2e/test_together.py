"""Plugins that call each other: native ones, windows and workers, with values of all kinds."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from support.browser import Person
from support.plugin_files import native_plugin, plugin_file, window_plugin

MIRROR_FUNCTIONS = """
  async setup() {}
  async run(ctx) { if (ctx && ctx.data && ctx.data.hello) await ctx.data.hello("from JavaScript"); }
  echo(value) { return value; }
  kind(value) {
    if (value && value._rtype === "ndarray") {
      return `${value._rdtype} [${value._rshape}] ${value._rvalue.byteLength} bytes`;
    }
    return value === null || value === undefined ? String(value) : value.constructor.name;
  }
  async callEach(callback, times) {
    for (let n = 0; n < times; n += 1) await callback(n);
    return times;
  }
  doubler() { return (number) => 2 * number; }
  tripler() { return { _rintf: true, triple: (number) => 3 * number }; }
  typed(name) { return globalThis[name].from([1, 2, 3]); }
  part() { return Float32Array.from([0, 1, 2, 3]).subarray(1, 3); }
  bytes() { return Uint8Array.from([0, 255]).buffer; }
  object() { return { a: [1, { b: null }], text: "é", _rintf: true, add: (x, y) => x + y }; }
  fail() { throw new RangeError("out of range in JavaScript"); }
"""
WINDOW = window_plugin(
    "Mirror window", f"class Mirror {{{MIRROR_FUNCTIONS}}}\napi.export(new Mirror());"
)
WORKER = plugin_file(
    "Mirror worker",
    f"class Mirror {{{MIRROR_FUNCTIONS}}}\napi.export(new Mirror());",
    lang="javascript",
    type="web-worker",
)
VALUES = """
import math

class Values:
    def setup(self):
        pass

    async def run(self, ctx):
        mirror = await self.find_mirror()
        for value in (
            None, True, False, 0, -7, 2**53, 2**80, 0.1, -0.0, math.inf, "", "é\\u2028 \\U0001f600",
            b"", bytes(range(256)), [], {}, [[1], [2, [3, {"deep": b"x"}]]],
            {"a": {"b": [1.5, None]}, "$odd": 1}, {1: "one", 2.5: "two"},
        ):
            back = await mirror.echo(value)
            assert back == value and isinstance(back, type(value)), (value, back)
        assert math.isnan(await mirror.echo(math.nan))
        assert await mirror.echo((1, 2)) == [1, 2]
        kinds = [await mirror.kind(value) for value in (None, 1, "a", b"a", [1], {"a": 1}, len)]
        assert kinds == ["null", "Number", "String", "ArrayBuffer", "Array", "Object"] + kinds[-1:]
        assert "Function" in kinds[-1], kinds

        seen = []
        assert await mirror.callEach(seen.append, 200) == 200
        assert seen == list(range(200)), seen
        async def add(number):
            seen.append(number)
        await mirror.callEach(add, 3)
        assert seen[200:] == [0, 1, 2]
        double = await mirror.doubler()
        assert await double(21) == 42
        tripler = await mirror.tripler()
        assert [await tripler.triple(n) for n in range(50)] == [3 * n for n in range(50)]
        given = await mirror.object()
        assert given.a == [1, {"b": None}] and given["text"] == "é"
        assert await given.add(3, 4) == 7
        assert bytes(await mirror.bytes()) == b"\\x00\\xff"
        try:
            await mirror.fail()
        except Exception as error:
            assert "out of range in JavaScript" in str(error), error
            assert not isinstance(error, AssertionError)
        else:
            raise AssertionError("nothing was raised")
        return await self.more(mirror)

    async def more(self, mirror):
        return "all values are right"
"""
FIND_WORKER = """
    async def find_mirror(self):
        return await api.getPlugin("Mirror worker")
"""
VIEW = window_plugin(
    "Nuclei view",
    """
    api.export({
      setup() {},
      run(ctx) { this.data = ctx.data; },
      show() { throw new Error("the plugin's own"); },
      display(counts) { document.querySelector("p").textContent = counts.join(" + "); },
    });
    """,
)
VIEWER = native_plugin(
    "Viewer",
    """
    async def run(ctx):
        view = await api.createWindow(type="Nuclei view", name="Result", data={"count": 0})
        await view.show()
        await view.display([3, 1, 2])
        return "shown"
    api.export({"run": run})
    """,
)
FIND_WINDOW = """
    async def find_mirror(self):
        heard = []
        window = await api.createWindow(
            type="Mirror window", name="A mirror", data={"hello": heard.append, "_rintf": True}
        )
        assert heard == ["from JavaScript"], heard
        return window
"""
MORE_NUMPY = """
    async def more(self, mirror):
        import numpy as np
        for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                      "float16", "float32", "float64", "bool"):
            array = np.arange(24).reshape(2, 3, 4).astype(dtype)
            back = await mirror.echo(array)
            assert back.dtype == array.dtype and back.shape == array.shape, (dtype, back)
            assert (back == array).all(), dtype
            kind = await mirror.kind(array)
            assert kind == f"{dtype} [2,3,4] {array.nbytes} bytes", kind
        turned = np.arange(6.0).reshape(2, 3).T[::2]
        back = await mirror.echo(turned)
        assert (back == turned).all(), (turned, back)
        nested = await mirror.echo({"list": [np.float32(1.5), {"deep": np.ones(3)}]})
        assert float(nested["list"][0]) == 1.5, nested
        assert (nested["list"][1]["deep"] == np.ones(3)).all(), nested
        for name, dtype in (("Int8Array", "int8"), ("Uint8Array", "uint8"),
                            ("Int16Array", "int16"), ("Uint16Array", "uint16"),
                            ("Int32Array", "int32"), ("Uint32Array", "uint32"),
                            ("Float32Array", "float32"), ("Float64Array", "float64")):
            array = await mirror.typed(name)
            assert (array.dtype, array.tolist()) == (dtype, [1, 2, 3]), (name, array)
            array += 1
        return "all arrays are right"
"""


def values(find: str, more: str = "") -> str:
    script = f"{VALUES}\n{find}\n{more}\napi.export(Values())"
    return native_plugin("Values", script, requirements=["numpy"] if more else [])


async def test_values_between_python_and_a_worker(person: Person) -> None:
    await person.load(WORKER, "Mirror worker")
    await person.load(values(FIND_WORKER), "Values")
    # Its window writes what it raises to the console as well.
    person.watch.may_say.append("out of range in JavaScript")
    await person.run("Values")
    await person.sees_outcome("Values", "all values are right")


async def test_values_between_python_and_a_window(person: Person) -> None:
    await person.load(WINDOW, "Mirror window")
    await person.load(values(FIND_WINDOW), "Values")
    # Its window writes what it raises to the console as well.
    person.watch.may_say.append("out of range in JavaScript")
    await person.run("Values")
    await person.sees_outcome("Values", "all values are right")


@pytest.mark.network
@pytest.mark.parametrize("where", ["window", "worker"])
async def test_arrays_of_every_dtype_go_both_ways(person: Person, where: str) -> None:
    find = FIND_WINDOW if where == "window" else FIND_WORKER
    await person.load(WINDOW if where == "window" else WORKER, f"Mirror {where}")
    await person.drop(values(find, MORE_NUMPY))
    await person.sees_state("Values", "Ready", within_s=90)
    # Its window writes what it raises to the console as well.
    person.watch.may_say.append("out of range in JavaScript")
    await person.run("Values")
    await person.sees_outcome("Values", "all arrays are right")


async def test_a_part_of_an_array_arrives_as_that_part(person: Person) -> None:
    script = """
    class Part:
        def setup(self):
            pass
        async def run(self, ctx):
            part = await (await api.getPlugin("Mirror worker")).part()
            return f"shape {tuple(part.shape)}"
    api.export(Part())
    """
    await person.load(WORKER, "Mirror worker")
    await person.load(native_plugin("Part", script), "Part")
    await person.run("Part")
    await expect(person.card("Part").get_by_text("shape (2,)")).to_be_visible()


CALCULATOR = native_plugin(
    "Calculator",
    """
    class Calculator:
        def setup(self):
            self.listeners = []
        def total(self, numbers):
            return sum(numbers)
        def describe(self, value):
            return f"{type(value).__name__} {value!r}"
        async def countdown(self, start, report):
            for number in range(start, 0, -1):
                await report(number)
            return "lift-off"
        def maker(self, factor):
            return lambda number: factor * number
        def divide(self, one, other):
            return one / other

    api.export(Calculator())
    """,
)


async def test_a_window_calls_python_and_shows_what_it_says(person: Person) -> None:
    window = window_plugin(
        "Desk",
        """
        const show = (words) => {
          const line = document.createElement("li");
          line.textContent = words;
          document.getElementById("lines").append(line);
        };
        class Desk {
          async setup() {}
          async run() {
            const python = await api.getPlugin("Calculator");
            document.getElementById("go").onclick = async () => {
              show(`total ${await python.total([1, 2, 3.5])}`);
              show(await python.describe(new Uint8Array([1, 2]).buffer));
              show(await python.describe({ a: [null, true, "x"] }));
              show(await python.countdown(1, (number) => show(`said ${number}`)));
              const triple = await python.maker(3);
              show(`tripled ${await triple(1)} ${await triple(2)} ${await triple(3)}`);
              try { await python.divide(1, 0); } catch (error) { show(`caught ${error}`); }
            };
          }
        }
        api.export(new Desk());
        """,
        html='<main><button id="go">Go</button><ul id="lines"></ul></main>',
    )
    person.watch.may_say.append("division by zero")
    await person.load(CALCULATOR, "Calculator")
    await person.load(window, "Desk")
    await person.presses("Desk", "Open")
    frame = person.window("Desk").frame_locator("iframe")
    await frame.get_by_role("button", name="Go").click()
    lines = frame.get_by_role("listitem")
    await expect(lines.nth(0)).to_have_text("total 6.5")
    await expect(lines.nth(1)).to_have_text(r"bytes b'\x01\x02'")
    await expect(lines.nth(2)).to_contain_text("{'a': [None, True, 'x']}")
    await expect(lines.nth(3)).to_have_text("said 1")
    await expect(lines.nth(4)).to_have_text("lift-off")
    await expect(lines.nth(5)).to_have_text("tripled 3 6 9")
    await expect(lines.nth(6)).to_contain_text("division by zero")
    await person.screenshot("window-calls-python")


async def test_a_function_of_a_window_can_be_called_many_times(person: Person) -> None:
    window = window_plugin(
        "Launcher",
        """
        class Launcher {
          async setup() {}
          async run() {
            const python = await api.getPlugin("Calculator");
            const line = document.getElementById("line");
            const end = await python.countdown(5, (number) => { line.append(`${number} `); });
            line.append(end);
          }
        }
        api.export(new Launcher());
        """,
        html='<p id="line"></p>',
    )
    await person.load(CALCULATOR, "Calculator")
    await person.load(window, "Launcher")
    await person.presses("Launcher", "Open")
    frame = person.window("Launcher").frame_locator("iframe")
    await expect(frame.get_by_text("5 4 3 2 1 lift-off")).to_be_visible()


async def test_a_native_plugin_calls_another(person: Person) -> None:
    caller = native_plugin(
        "Caller",
        """
        class Caller:
            def setup(self):
                pass
            async def run(self, ctx):
                other = await api.getPlugin("Calculator")
                assert await other.total([1, 2, 3]) == 6
                assert await other.describe(b"x") == "bytes b'x'"
                assert await other.describe((1, None)) == "list [1, None]"
                said = []
                assert await other.countdown(3, said.append) == "lift-off"
                assert said == [3, 2, 1], said
                triple = await other.maker(3)
                assert [await triple(n) for n in range(4)] == [0, 3, 6, 9]
                try:
                    await other.divide(1, 0)
                except Exception as error:
                    assert "division by zero" in str(error), error
                else:
                    raise AssertionError("nothing was raised")
                return "they understand each other"

        api.export(Caller())
        """,
    )
    await person.load(CALCULATOR, "Calculator")
    await person.load(caller, "Caller")
    await person.run("Caller")
    await person.sees_outcome("Caller", "they understand each other")


PARALLEL = """
import asyncio
import time

UNIT_S = 0.08

class Chief:
    def setup(self):
        pass

    async def run(self, ctx):
        a, b, c = [await api.getPlugin(f"Worker {name}") for name in "ABC"]
        start = time.perf_counter()
        done = [await a.work(10), await b.work(5)]
        done.append(await c.work(3, done))
        in_turn = (time.perf_counter() - start) / UNIT_S
        assert [each["name"] for each in done] == ["A", "B", "C"]
        assert done[0]["end"] <= done[1]["start"] and done[1]["end"] <= done[2]["start"], done

        start = time.perf_counter()
        one, other = await asyncio.gather(a.work(10), b.work(5))
        last = await c.work(3, [one, other])
        together = (time.perf_counter() - start) / UNIT_S
        assert max(one["start"], other["start"]) < min(one["end"], other["end"]), (one, other)
        assert last["start"] >= max(one["end"], other["end"])
        assert last["after"] == ["A", "B"]
        # No machine is quicker; how much slower a busy one is says nothing.
        assert in_turn >= 18 and together >= 13, (in_turn, together)
        return f"in turn {in_turn:.1f} units, together {together:.1f} units"

api.export(Chief())
"""


@pytest.mark.parametrize("kind", ["async", "plain"])
async def test_independent_tasks_run_at_the_same_time(person: Person, kind: str) -> None:
    """The example of ImJoy's documentation: 10, 5 and 3 units, and C needs A and B."""
    waiting = "await asyncio.sleep(seconds)" if kind == "async" else "time.sleep(seconds)"
    for name in "ABC":
        worker = f"""
import asyncio
import time

class Worker:
    def setup(self):
        pass
    {"async " if kind == "async" else ""}def work(self, units, after=()):
        start, seconds = time.time(), units * 0.08
        {waiting}
        names = [each["name"] for each in after]
        return {{"name": "{name}", "start": start, "end": time.time(), "after": names}}

api.export(Worker())
"""
        await person.drop(native_plugin(f"Worker {name}", worker))
    for name in "ABC":
        await person.sees_state(f"Worker {name}", "Ready")
    await person.load(native_plugin("Chief", PARALLEL), "Chief")
    await person.run("Chief")
    await person.sees_outcome("Chief", re.compile(r"in turn \S+ units, together \S+ units"))


async def test_the_templates_of_the_engine_run(person: Person) -> None:
    await person.template("Parallel tasks")
    await person.sees_state("Parallel tasks", "Ready")
    await person.template("Live plot")
    await person.sees_state("Live plot", "Ready")
    await person.run("Parallel tasks")
    await person.run("Live plot")
    plot = person.window("Live plot").frame_locator("iframe")
    await person.sees("200 points were drawn. Move the slider.")
    picture = "(canvas) => canvas.toDataURL()"
    before = await plot.locator("canvas").evaluate(picture)
    await plot.get_by_role("slider").fill("12")
    await expect(plot.locator("canvas")).to_be_visible()
    changed = f"(before) => ({picture})(document.querySelector('canvas')) !== before"
    frame = await (await plot.locator("canvas").element_handle()).owner_frame()
    assert frame is not None
    await frame.wait_for_function(changed, arg=before)
    await expect(person.dialog("Message")).to_contain_text("One after the other: ")
    await person.screenshot("live-plot")
    await person.dialog("Message").get_by_role("button", name="OK").click()
    await person.sees_outcome("Parallel tasks", "Finished")


async def test_python_calls_a_window_whose_log_says_which_names_are_taken(person: Person) -> None:
    await person.load(VIEW, "Nuclei view")
    await person.load(VIEWER, "Viewer")
    await person.run("Viewer")
    await person.sees_outcome("Viewer", "shown")
    frame = person.window("Result").frame_locator("iframe")
    await expect(frame.get_by_text("3 + 1 + 2")).to_be_visible()
    log = await person.opens_log("Nuclei view")
    await expect(log).to_contain_text('Nobody can call what this plugin exports as "show"')
