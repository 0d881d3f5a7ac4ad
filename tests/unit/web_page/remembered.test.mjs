import assert from "node:assert/strict";
import { test } from "node:test";

import { recall, remember } from "../../../engine/web/page/state/remembered.js";
import { startPage } from "./fake_core.mjs";

const DEMO = { name: "Demo", source: "<config>", origin: "demo.html", tag: "" };

test("plugins are recalled as they were remembered", () => {
  const { storage } = startPage();
  remember(storage, [DEMO]);
  assert.deepEqual(recall(storage), [DEMO]);
});

test("what others left in the storage is nothing", () => {
  const { storage } = startPage();
  for (const text of ["{", "7", '[{"name": 1}, null]']) {
    storage.setItem("imjoy-engine-plugins", text);
    assert.deepEqual(recall(storage), []);
  }
});

test("too much is not remembered", () => {
  const { storage } = startPage();
  remember(storage, [DEMO]);
  remember(storage, [{ ...DEMO, source: "x".repeat(3_000_000) }]);
  assert.deepEqual(recall(storage), [DEMO]);
});
