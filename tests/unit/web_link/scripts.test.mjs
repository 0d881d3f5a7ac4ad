import assert from "node:assert/strict";
import { test } from "node:test";

import { rejection } from "./support/page.mjs";
import { firstLine, pythonScripts } from "../../../engine/web/link/scripts.js";

/** The block between the n-th `<script …>` and its end, as the core's parser reports it. */
function blockOf(code, number = 0, content = undefined) {
  const tag = [...code.matchAll(/<script[^>]*>/g)][number];
  const start = tag.index + tag[0].length;
  const end = code.indexOf("</script>", start);
  return { content: content ?? code.slice(start, end), attrs: { lang: "python" }, start, end };
}

const never = async () => {
  throw new Error("nothing is loaded here");
};

test("the first line is where the content begins: on the line of its tag", () => {
  const code = '<config lang="json">\n{}\n</config>\n<script lang="python">\nx = 1\n</script>';
  assert.equal(firstLine(code, blockOf(code)), 4);
});

test("content on the tag's own line, and a file of one line", () => {
  const code = '<script lang="python">x = 1</script>';
  assert.equal(firstLine(code, blockOf(code)), 1);
});

test("line ends of every kind count once", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const code = ["<config>", "{}", "</config>", '<script lang="python">', "x", "</script>"].join(end);
    assert.equal(firstLine(code, blockOf(code)), 4, JSON.stringify(end));
  }
});

test("a byte order mark does not move the lines", () => {
  const code = '\ufeff<config>\n</config>\n<script lang="python">\nx = 1\n</script>';
  assert.equal(firstLine(code, blockOf(code)), 3);
});

test("a script that the core has shifted to the left is still found", () => {
  const code = '<docs>\n</docs>\n<script lang="python">\n    if x:\n        y()\n</script>';
  const block = blockOf(code, 0, "\nif x:\n    y()\n");
  assert.equal(firstLine(code, block), 3);
  assert.equal(firstLine(code, { ...block, start: undefined, end: undefined }), 3);
});

test("offsets of another text are not believed", () => {
  const code = '<docs>\n\n</docs>\n<script lang="python">\nx = 1\n</script>';
  assert.equal(firstLine(code, { content: "\nx = 1\n", start: 3, end: 9 }), 4);
  assert.equal(firstLine(code, { content: "\nother\n", start: 3, end: 9 }), 1);
});

test("each of several scripts has its own place", async () => {
  const code = '<script lang="python">\na\n</script>\n<script lang="python">\nb\n</script>';
  const config = { name: "Two", code, scripts: [blockOf(code, 0), blockOf(code, 1)] };
  const scripts = await pythonScripts(config, never);
  assert.deepEqual(
    scripts.map(({ first_line: line, content, filename }) => [line, content, filename]),
    [
      [1, "\na\n", "Two.imjoy.html"],
      [4, "\nb\n", "Two.imjoy.html"],
    ],
  );
});

test("a script that was a file of its own is called by that file's name", async () => {
  const config = { name: "P", code: "", scripts: [{ content: "x", attrs: { lang: "python", file: "nuclei.py" } }] };
  const [script] = await pythonScripts(config, never);
  assert.equal(script.filename, "nuclei.py");
});

test("a script without a language is Python, in a plugin of type native-python", async () => {
  const [script] = await pythonScripts({ name: "P", code: "", scripts: [{ content: "x" }] }, never);
  assert.deepEqual([script.lang, script.first_line], ["python", 1]);
});

test("a script elsewhere is loaded from beside the plugin, and named by its address", async () => {
  const asked = [];
  const load = async (url) => {
    asked.push(url);
    return new Response("y = 2\n");
  };
  const config = {
    name: "P",
    uri: "https://lab.example/plugins/P.imjoy.html",
    scripts: [{ content: "", attrs: { lang: "python", src: "more.py" } }],
  };
  const [script] = await pythonScripts(config, load);
  assert.deepEqual(asked, ["https://lab.example/plugins/more.py"]);
  assert.deepEqual(
    [script.content, script.filename, script.first_line],
    ["y = 2\n", "https://lab.example/plugins/more.py", 1],
  );
});

test("a script that cannot be loaded is named, with the reason", async () => {
  const config = { name: "P", scripts: [{ attrs: { src: "https://lab.example/no.py" } }] };
  const load = async () => new Response("", { status: 404, statusText: "Not Found" });
  assert.match(String(await rejection(pythonScripts(config, load))), /no\.py .* 404 Not Found/);
  const relative = { name: "P", scripts: [{ attrs: { src: "no.py" } }] };
  assert.match(String(await rejection(pythonScripts(relative, load))), /no\.py of "P"/);
});
