import assert from "node:assert/strict";
import { test } from "node:test";

import { ownerOf } from "../../../engine/web/page/core/owners.js";
import { keepWaiting } from "../../../engine/web/page/core/patience.js";
import { rawAddress } from "../../../engine/web/page/core/sources.js";
import { CancelledError, Dialogs } from "../../../engine/web/page/state/dialogs.js";
import { Observable } from "../../../engine/web/page/state/observable.js";
import { Plugins } from "../../../engine/web/page/state/plugins.js";
import { Windows } from "../../../engine/web/page/state/windows.js";
import { crumbsOf, joinPath, listingOf } from "../../../engine/web/page/ui/files/browse.js";

test("listeners hear of changes until they leave", () => {
  const value = new Observable(1);
  let heard = 0;
  const stop = value.subscribe(() => (heard += 1));
  value.set(2);
  value.set(2);
  stop();
  value.set(3);
  assert.equal(heard, 1);
});

test("a dialog settles with its answer, and leaves the page", async () => {
  const dialogs = new Dialogs();
  const asked = dialogs.ask("prompt", { content: "?" }, "Demo");
  dialogs.open.value[0].answer("yes");
  assert.equal(await asked, "yes");
  assert.deepEqual(dialogs.open.value, []);
});

test("the dialogs of a plugin that is gone are cancelled, others stay", async () => {
  const dialogs = new Dialogs();
  const gone = dialogs.ask("confirm", {}, "Demo");
  void dialogs.ask("confirm", {}, "Other");
  dialogs.cancelAllOf("Demo");
  await assert.rejects(gone, CancelledError);
  assert.deepEqual(
    dialogs.open.value.map((dialog) => dialog.owner),
    ["Other"],
  );
});

function fakeWindow(id, more = {}) {
  const handlers = new Map();
  const api = { on: (name, handler) => handlers.set(name, handler) };
  return { id, name: id, window_type: id, api, fire: (name) => handlers.get(name)(), ...more };
}

test("the last window is in front, and the one before it when it closes", () => {
  const windows = new Windows();
  const [first, second] = [fakeWindow("a"), fakeWindow("b", { fullscreen: true })];
  windows.add(first);
  windows.add(second);
  assert.deepEqual([windows.active.value, windows.maximized.value], ["b", "b"]);
  second.fire("close");
  assert.deepEqual([windows.active.value, windows.maximized.value, second.closed], ["a", null, true]);
  assert.equal(windows.list.value.length, 2, "it stays in the document to hear that it closes");
  windows.remove(second);
  assert.deepEqual(windows.list.value, [first]);
});

test("focus brings a window out from behind the maximized one", () => {
  const windows = new Windows();
  const [first, second] = [fakeWindow("a"), fakeWindow("b")];
  windows.add(first);
  windows.add(second);
  windows.toggleMaximized(second);
  first.fire("focus");
  assert.deepEqual([windows.active.value, windows.maximized.value], ["a", null]);
});

test("the same file is refused once, until somebody dismisses it", () => {
  const plugins = new Plugins();
  plugins.refuse({ message: "one", hint: "", line: null }, "a.html");
  plugins.refuse({ message: "two", hint: "", line: 3 }, "a.html");
  assert.deepEqual(
    plugins.refusals.value.map((refusal) => refusal.message),
    ["two"],
  );
  plugins.dismissRefusal(plugins.refusals.value[0].id);
  assert.deepEqual(plugins.refusals.value, []);
  for (const origin of ["a.html", "b.html", "c.html"]) plugins.refuse({ message: "no", hint: "", line: null }, origin);
  plugins.dismissAllRefusals();
  assert.deepEqual(plugins.refusals.value, []);
});

test("a caller belongs to its plugin, whatever its window is called", () => {
  const known = ["Bar_chart one", "Demo"];
  assert.equal(ownerOf(null, known), "");
  assert.equal(ownerOf({ id: "imjoy-root", name: "ImJoy Root Plugin" }, known), "");
  assert.equal(ownerOf({ id: "1", name: "Demo" }, known), "Demo");
  assert.equal(ownerOf({ id: "2", name: "my bars", config: { _id: "Bar_chart_one" } }, known), "Bar_chart one");
  assert.equal(ownerOf({ id: "3", name: "stranger" }, known), "stranger");
});

test("the core's impatience is ignored until the plugin is connected", () => {
  const plugin = { initializing: true, _disconnected: true };
  keepWaiting(plugin);
  keepWaiting(plugin);
  plugin.initializing = false;
  assert.equal(plugin.initializing, true);
  plugin._disconnected = false;
  plugin.initializing = false;
  assert.equal(plugin.initializing, false);
});

test("addresses of pages about a file become addresses of the file", () => {
  assert.equal(
    rawAddress("https://github.com/o/r/blob/master/a/P.imjoy.html"),
    "https://raw.githubusercontent.com/o/r/master/a/P.imjoy.html",
  );
  assert.equal(rawAddress("example.org/P.imjoy.html"), "https://example.org/P.imjoy.html");
  assert.equal(rawAddress("/templates/x.imjoy.html"), "/templates/x.imjoy.html");
});

test("a listing shows folders first, in the order people count", () => {
  const { entries, sep } = listingOf({
    path: "/data",
    children: [
      { name: "b10.tif", type: "file", size: 7 },
      { name: "b9.tif", type: "file" },
      { name: "raw", type: "dir" },
    ],
  });
  assert.equal(sep, "/");
  assert.deepEqual(
    entries.map((entry) => [entry.path, entry.type, entry.size]),
    [
      ["/data/raw", "dir", null],
      ["/data/b9.tif", "file", null],
      ["/data/b10.tif", "file", 7],
    ],
  );
});

test("crumbs lead from the root to the folder", () => {
  assert.deepEqual(
    crumbsOf("/data/raw", "/").map((crumb) => crumb.path),
    ["/", "/data", "/data/raw"],
  );
  assert.deepEqual(
    crumbsOf("C:\\data", "\\").map((crumb) => crumb.path),
    ["C:", "C:\\data"],
  );
  assert.equal(joinPath("/", "x", "/"), "/x");
  assert.equal(joinPath("", "x", "/"), "x");
});
