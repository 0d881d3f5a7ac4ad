import assert from "node:assert/strict";
import { test } from "node:test";

import { splitBlocks } from "../../../engine/web/page/plugin_file/blocks.js";
import { checkPluginFile } from "../../../engine/web/page/plugin_file/check.js";
import { isOlder } from "../../../engine/web/page/plugin_file/versions.js";

const SCRIPT = '<script lang="python">\napi.export({})\n</script>\n';

function file(config, rest = SCRIPT) {
  const text = typeof config === "string" ? config : JSON.stringify(config, null, 2);
  return `<docs>\n# Title\n</docs>\n\n<config lang="json">\n${text}\n</config>\n\n${rest}`;
}

const GOOD = { name: "Demo", type: "native-python", version: "0.1.0", api_version: "0.1.8" };

test("a good file gives what the page shows", () => {
  const { plugin } = checkPluginFile(file({ ...GOOD, description: "It counts.", icon: "extension" }));
  assert.equal(plugin.name, "Demo");
  assert.equal(plugin.type, "native-python");
  assert.equal(plugin.docs, "# Title");
  assert.equal(plugin.description, "It counts.");
  assert.equal(plugin.runnable, true);
  assert.equal(plugin.tag, "");
});

test("fields keyed by tag follow the chosen tag", () => {
  const config = {
    ...GOOD,
    type: { web: "web-python", native: "native-python" },
    tags: ["native", "web"],
    ui: { native: "N", web: "W" },
  };
  assert.equal(checkPluginFile(file(config)).plugin.type, "native-python");
  const other = checkPluginFile(file(config), "web").plugin;
  assert.deepEqual([other.type, other.tag, other.ui], ["web-python", "web", "W"]);
  assert.equal(checkPluginFile(file(config), "gone").plugin.tag, "native");
});

test("old words for the types are understood in old plugins only", () => {
  const old = checkPluginFile(file({ name: "Old", mode: "pyworker", api_version: "0.1.1" }));
  assert.equal(old.plugin.type, "native-python");
  const young = checkPluginFile(file({ ...GOOD, type: "pyworker" }));
  assert.match(young.problem.message, /unknown type "pyworker"/);
});

test("a YAML config is read", () => {
  const text = `<config lang="yaml">\nname: Demo\ntype: native-python\napi_version: "0.1.8"\n</config>\n${SCRIPT}`;
  assert.equal(checkPluginFile(text).plugin.name, "Demo");
});

const PYTHON = `#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = ["numpy", "tifffile>=2024"]
# [tool.imjoy]
# name = "Plain <script>"
# description = "One file."
# [tool.imjoy.environment]
# allow_build = true
# [tool.uv]
# exclude-newer = "2024-01-01T00:00:00Z"
# ///
from imjoy import api
`;

test("a Python script with metadata is a plugin, line by line", () => {
  const { plugin } = checkPluginFile(PYTHON);
  assert.equal(plugin.name, "Plain <script>");
  assert.equal(plugin.type, "native-python");
  assert.equal(plugin.description, "One file.");
  const { blocks } = splitBlocks(plugin.code);
  const [config, script] = blocks;
  assert.deepEqual(JSON.parse(config.content), {
    type: "native-python",
    api_version: "0.1.8",
    name: "Plain <script>",
    description: "One file.",
    requirements: ["numpy", "tifffile>=2024"],
    env: [
      {
        type: "python",
        options: { allow_build: true, version: ">=3.9", exclude_newer: "2024-01-01T00:00:00Z" },
      },
    ],
  });
  assert.equal(script.content, PYTHON);
  assert.equal(script.line, 1);
  assert.equal(script.attrs.lang, "python");
});

test("a Python script stays the person's own text, also when only what was made of it is known", () => {
  const { plugin } = checkPluginFile(PYTHON, "", "https://host/a/nuclei.py?raw=1");
  assert.deepEqual([plugin.source, plugin.fileName], [PYTHON, "nuclei.py"]);
  const again = checkPluginFile(plugin.code, "", "running on the engine").plugin;
  assert.deepEqual(again, plugin);
});

test("a script without a file is called as the plugin, in letters that an attribute holds", () => {
  assert.equal(checkPluginFile(PYTHON, "", "pasted text").plugin.fileName, "Plain _script_.py");
  assert.equal(checkPluginFile(PYTHON, "", 'a"><b>.py').plugin.fileName, "a_b_.py");
});

test("a <config> that somebody has changed is no script any more", () => {
  const changed = checkPluginFile(PYTHON).plugin.code.replace("One file.", "Mine.");
  const { plugin } = checkPluginFile(changed);
  assert.deepEqual([plugin.source, plugin.description, plugin.fileName], [changed, "Mine.", `${plugin.name}.imjoy.html`]);
});

test("what a script tells uv of its packages is left to the engine, too", () => {
  const told = PYTHON.replace("# ///\nfrom", '# link-mode = "copy"\n# [tool.uv.sources]\n# ///\nfrom');
  const [config] = splitBlocks(checkPluginFile(told).plugin.code).blocks;
  assert.deepEqual(JSON.parse(config.content).env[0].options.uv, ["link-mode", "sources"]);
});

test("a wish for a Python that is no text is left to the engine, which refuses it", () => {
  const { plugin } = checkPluginFile(PYTHON.replace('">=3.9"', "3.10"));
  const [config] = splitBlocks(plugin.code).blocks;
  assert.equal(JSON.parse(config.content).env[0].options.version, 3.1);
});

for (const [what, text, said, line] of [
  ["a Python script that is no plugin", "# /// script\n# dependencies = []\n# ///\n", /no \[tool.imjoy\]/, 1],
  ["a Python script without a name", "# /// script\n# [tool.imjoy]\n# ///\n", /has no name/, 1],
  ["metadata that are no TOML", "\n# /// script\n# x = 1\n# y = \n# ///\n", /are no TOML: line 4/, 4],
  ["a Python script that would end early", PYTHON + 'x = "</script>"\n', /ends a script/, 2],
  ["nothing", "  \n", /empty/, null],
  ["binary", "PK\u0003\0\0", /not text/, null],
  ["prose", "hello there", /no ImJoy plugin: it has no <config> block/, null],
  ["a web page", "<!doctype html><html><body></body></html>", /an ordinary web page/, null],
  ["a config that never ends", '<config lang="json">\n{', /<config> block that begins on line 1 is never closed/, 1],
  ["a script that never ends", file(GOOD, '<script lang="python">\nx = 1\n'), /<script> block that begins on line 14/, 14],
  ["broken JSON", file('{\n  "name": "Demo",\n  "type": "window",\n}'), /not valid JSON: line 8 of the file, there is a comma too much/, 8],
  ["broken YAML", '<config lang="yaml">\nname: Demo\n type: x\n</config>', /not valid YAML: line 3 of the file/, 3],
  ["another language", '<config lang="toml">\nname = 1\n</config>', /written in "toml"/, 1],
  ["a list", file("[1, 2]"), /does not hold an object/, 5],
  ["no name", file({ ...GOOD, name: undefined }), /has no name/, 5],
  ["a name that is no text", file({ ...GOOD, name: 7 }), /has no name/, 5],
  ["a slash in the name", file({ ...GOOD, name: "a/b" }), /contains a slash/, 5],
  ["no type", file({ ...GOOD, type: undefined }), /has no type/, 5],
  ["an unknown type", file({ ...GOOD, type: "native-rust" }), /unknown type "native-rust"/, 5],
  ["no API version", file({ ...GOOD, api_version: undefined }), /which ImJoy API/, 5],
  ["keys without tags", file({ ...GOOD, env: { cpu: "x" } }), /gives "env" for each tag/, 5],
  ["no script", file(GOOD, ""), /no <script> block/, null],
  ["the wrong language", file(GOOD, '<script lang="javascript">1</script>'), /none of its scripts is in Python/, 14],
  ["a script for another tag", file({ ...GOOD, tags: ["a"] }, '<script lang="python" tag="b">1</script>'), /for its tag "a"/, null],
  ["an empty script", file(GOOD, '<script lang="python">\n</script>'), /is empty/, 14],
]) {
  test(`one sentence for ${what}`, () => {
    const { problem, plugin } = checkPluginFile(text);
    assert.equal(plugin, undefined);
    assert.match(problem.message, said);
    assert.equal(problem.line, line);
  });
}

test("blocks inside other blocks, comments and a byte order mark are passed over", () => {
  const text = `\uFEFF<!-- <config>no</config> -->\n<docs>\n\`<config>\`\n</docs>\n<window lang="html">\n<div a="x>y"><style>p{}</style></div>\n</window>\n<link rel="x" href="y">\n<config lang="json">{}</config>`;
  const { blocks, unclosed } = splitBlocks(text);
  assert.equal(unclosed, null);
  assert.deepEqual(
    blocks.map((block) => block.tag),
    ["docs", "window", "link", "config"],
  );
  assert.equal(blocks[3].line, 9);
  assert.equal(blocks[2].attrs.href, "y");
});

test("versions are compared number by number", () => {
  assert.equal(isOlder("0.1.8", "0.1.10"), true);
  assert.equal(isOlder("0.1.10", "0.1.8"), false);
  assert.equal(isOlder("0.1", "0.1.0"), false);
});
