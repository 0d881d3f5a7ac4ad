import assert from "node:assert/strict";
import { test } from "node:test";

import { explain, wordsOf } from "../../../engine/web/page/text/errors.js";

test("anything thrown becomes words", () => {
  const loop = {};
  loop.self = loop;
  assert.equal(wordsOf(new Error("disk is full")), "disk is full");
  assert.equal(wordsOf("plain"), "plain");
  assert.equal(wordsOf({ message: "from afar" }), "from afar");
  assert.equal(wordsOf(undefined), "no reason was given");
  assert.equal(wordsOf([{ keyword: "type" }]), '[{"keyword":"type"}]');
  assert.equal(wordsOf(loop), "[object Object]");
});

const TRACE = [
  "Traceback (most recent call last):",
  '  File "Demo.imjoy.html", line 12, in run',
  "    return helper()",
  '  File "Demo.imjoy.html", line 7, in helper',
  "    return 1 / 0",
  "ZeroDivisionError: division by zero",
].join("\n");

test("an error with its trace is named and placed in the plugin file", () => {
  const error = Object.assign(new Error("division by zero"), { name: "ZeroDivisionError", trace: TRACE });
  assert.deepEqual(explain(error), {
    summary: "ZeroDivisionError: division by zero (line 7 of the plugin)",
    story: TRACE,
  });
});

test("an error that was raised from another is placed where it was raised, and tells of both", () => {
  const cause = TRACE.replace("line 7", "line 3").replace("ZeroDivisionError: division by zero", "KeyError: 'x'");
  const trace = `${cause}\n\nThe above exception was the direct cause of the following exception:\n\n${TRACE}`;
  const error = Object.assign(new Error("division by zero"), { name: "ZeroDivisionError", trace });
  const summary = "ZeroDivisionError: division by zero (line 7 of the plugin)";
  assert.deepEqual(explain(error), { summary, story: trace });
  assert.equal(explain(trace).summary, summary);
});

test("a traceback as text says the same", () => {
  assert.equal(explain(TRACE).summary, "ZeroDivisionError: division by zero (line 7 of the plugin)");
  const syntax = '  File "Demo.imjoy.html", line 15\n    def x(:\n          ^\nSyntaxError: invalid syntax';
  assert.equal(explain(new Error(syntax)).summary, "SyntaxError: invalid syntax (line 15 of the plugin)");
});

test("a plugin that is a Python script has its lines too, and a library's file has none", () => {
  const script = TRACE.replaceAll("Demo.imjoy.html", "count cells.py");
  const library = '  File "/env/lib/python3.12/json/decoder.py", line 355, in raw_decode\n    raise JSONDecodeError\n';
  const trace = script.replace("ZeroDivisionError:", `${library}ZeroDivisionError:`);
  const error = Object.assign(new Error("division by zero"), { name: "ZeroDivisionError", trace });
  assert.equal(explain(error).summary, "ZeroDivisionError: division by zero (line 7 of the plugin)");
  const syntax = 'File "demo.py", line 15\n    def x(:\n          ^\nSyntaxError: invalid syntax';
  assert.equal(explain(new Error(`  ${syntax}`)).summary, "SyntaxError: invalid syntax (line 15 of the plugin)");
  for (const other of ["/home/me/demo.py", "C:\\me\\demo.py", "<string>", "https://example.org/demo.py"]) {
    const away = syntax.replace("demo.py", other);
    assert.equal(explain(new Error(`  ${away}`)).summary, "SyntaxError: invalid syntax");
  }
});

test("other errors keep their first line", () => {
  assert.deepEqual(explain(new Error("one\ntwo")), { summary: "one", story: "one\ntwo" });
  assert.equal(explain("no plugin").summary, "no plugin");
});

test("mistakes of beginners come with what to do", () => {
  const absent = TRACE.replace("ZeroDivisionError: division by zero", "ModuleNotFoundError: No module named 'skimage.io'");
  assert.match(explain(absent).summary, /line 7 of the plugin\)\. Add the package that has skimage to the plugin's requirements\.$/);
  const few = Object.assign(new Error("P.run() takes 1 positional argument but 2 were given"), { name: "TypeError", trace: "TypeError" });
  assert.match(explain(few).summary, /were given\. A plugin's run is called with ctx: write "def run\(self, ctx\)"/);
  assert.equal(explain("TypeError: blur() takes 1 positional argument but 2 were given").summary.endsWith("given"), true);
});
