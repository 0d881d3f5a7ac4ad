import assert from "node:assert/strict";
import { test } from "node:test";

import { stateWords, usageWords } from "../../../engine/web/page/text/usage.js";

const usage = { cpu: 1.504, memory_bytes: 2_100_000_000, gpu_memory_bytes: 0 };
const plugin = { name: "Segment", pid: 7, state: "ready" };

test("a plugin that waits says where it stands and why", () => {
  const waiting = { ...plugin, state: "queued", queue: { position: 2, length: 3, reason: "GPU 0 is held by Train" } };
  assert.equal(stateWords(waiting), "waits for a GPU: 2 of 3");
  assert.equal(usageWords(waiting), "GPU 0 is held by Train");
});

test("what it uses is one line", () => {
  assert.equal(stateWords(plugin), "ready");
  assert.equal(usageWords({ ...plugin, usage }), "CPU 150% · 2.1 GB");
  assert.equal(usageWords({ ...plugin, usage, gpus: [0, 1] }), "CPU 150% · 2.1 GB · GPU 0, 1");
  const busy = { ...usage, gpu_memory_bytes: 7_900_000_000 };
  assert.equal(usageWords({ ...plugin, usage: busy, gpus: [0] }), "CPU 150% · 2.1 GB · GPU 0, 7.9 GB");
  assert.equal(usageWords({ ...plugin, usage: busy }), "CPU 150% · 2.1 GB · GPU, 7.9 GB");
});

test("an engine that tells less is no error", () => {
  assert.equal(stateWords({ name: "Old", pid: 7 }), "");
  assert.equal(usageWords({ name: "Old", pid: 7 }), "");
});
