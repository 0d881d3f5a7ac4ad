/** What a window plugin is told of the functions that its window hides. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { frameScript } from "./two_ends.mjs";

async function exported(type, offered) {
  const [errors, offers] = [[], []];
  const heard = await frameScript("taken_names.js");
  heard(undefined, { type: "initialize", config: { type } });
  const api = { error: (words) => void errors.push(words), export: (...given) => void offers.push(given) };
  heard(api);
  api.export(offered, "more");
  assert.deepEqual(offers, [[offered, "more"]]);
  return errors;
}

class View {
  show() {}
  on() {}
  run() {}
  display() {}
}

test("functions that a window has itself are named in the plugin's log, also those of a class", async () => {
  const [words, ...others] = await exported("window", new View());
  assert.match(words, /exports as "show", "on": a window has functions of its own/);
  assert.deepEqual(others, []);
});

test("nothing is said of other names, and of plugins that are no windows", async () => {
  assert.deepEqual(await exported("window", { run() {}, display() {}, config: {} }), []);
  assert.deepEqual(await exported("iframe", new View()), []);
});
