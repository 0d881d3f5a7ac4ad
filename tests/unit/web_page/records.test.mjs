import assert from "node:assert/strict";
import { test } from "node:test";

import {
  applyEvent,
  enter,
  failureOf,
  hasEnded,
  isLastKnown,
  isStarting,
  isUp,
  newRecord,
  WAITING_FOR_ENGINE,
} from "../../../engine/web/page/state/records.js";

const FILE = { name: "Demo", type: "native-python" };

function record(state = "new") {
  return enter(newRecord(FILE, "demo.imjoy.html", 0), state, 10);
}

test("a state event moves the record and says since when", () => {
  const preparing = applyEvent(record(), { event: "state", state: "preparing", detail: "uv" }, 20);
  assert.deepEqual([preparing.state, preparing.detail, preparing.since], ["preparing", "uv", 20]);
  assert.ok(isStarting(preparing) && !isUp(preparing));
  const again = applyEvent(preparing, { event: "state", state: "preparing" }, 99);
  assert.equal(again.since, 20);
});

test("the clock of a start runs through all its states and stops at ready", () => {
  const starting = applyEvent(record("preparing"), { event: "state", state: "starting" }, 50);
  assert.equal(starting.preparedAt, 0);
  const ready = applyEvent(starting, { event: "state", state: "ready" }, 60);
  assert.deepEqual([ready.preparedAt, ready.step, isUp(ready)], [null, null, true]);
});

test("progress is the latest step and a list of what is finished", () => {
  const step = { event: "progress", phase: "download", item: "numpy", unit: "bytes" };
  let current = applyEvent(record("preparing"), { ...step, done: 4, total: 10 }, 0);
  assert.deepEqual([current.step.done, current.finished], [4, []]);
  current = applyEvent(current, { ...step, done: 10, total: 10 }, 0);
  current = applyEvent(current, { ...step, done: 10, total: 10 }, 0);
  assert.deepEqual(current.finished, ["download numpy"]);
  const unknown = applyEvent(current, { event: "progress", phase: "resolve", total: null }, 0);
  assert.deepEqual([unknown.step.total, unknown.step.item], [null, ""]);
});

test("a failure keeps its words when the stop follows", () => {
  const error = { message: "No such package.", hint: "Check the name.", log_tail: "× numpyy" };
  const failed = applyEvent(record("preparing"), { event: "state", state: "failed", error }, 0);
  assert.deepEqual(failed.failure, { message: "No such package.", hint: "Check the name.", logTail: "× numpyy" });
  assert.ok(hasEnded(failed));
  for (const state of ["draining", "stopped"]) {
    assert.equal(applyEvent(failed, { event: "state", state }, 5), failed);
  }
});

test("what has ended has no runs, bars or operations", () => {
  const running = { ...record("ready"), calls: 2, busy: true, bar: 40, operations: [{ name: "train", ui: "" }] };
  const stopped = enter(running, "stopped", 0);
  assert.deepEqual([stopped.calls, stopped.busy, stopped.bar, stopped.operations], [0, false, null, []]);
});

test("other events leave the record as it is", () => {
  const ready = record("ready");
  assert.equal(applyEvent(ready, { event: "log", text: "x" }, 0), ready);
});

test("of a traceback the reason is the headline and the rest is kept", () => {
  const words = 'Traceback (most recent call last):\n  File "Demo.imjoy.html", line 3\nValueError: no data';
  assert.deepEqual(failureOf(new Error(words)), { message: "ValueError: no data (line 3 of the plugin)", hint: "", logTail: words });
  assert.equal(failureOf("text"), null);
  assert.equal(failureOf({}).message, "The plugin failed without a word.");
});

test("a crash that is followed by a new start says when, and until then nothing runs", () => {
  const error = { message: "The process ended: segmentation fault.", hint: "It starts again in 4 s." };
  const event = { event: "state", id: "p1", state: "backoff", error, wait_s: 4, attempt: 2, of: 3 };
  const running = { ...record("ready"), calls: 2, busy: true, bar: 40 };
  const crashed = applyEvent(running, event, 1000);
  assert.deepEqual(crashed.restart, { id: "p1", at: 5000, attempt: 2, of: 3 });
  assert.deepEqual([crashed.calls, crashed.busy, crashed.bar], [0, false, null]);
  assert.match(crashed.failure.message, /segmentation fault/);
  assert.ok(isStarting(crashed));
  const preparing = applyEvent(crashed, { event: "state", state: "preparing" }, 5000);
  assert.equal(preparing.restart.id, "p1");
  for (const state of ["ready", "stopped", "failed"]) {
    assert.equal(enter(preparing, state, 6000).restart, null);
  }
});

test("a failure carries what could help, and nothing that is none", () => {
  const good = { field: "python", label: "Use another Python", why: "…", value: "3.9", entry: "option", options: ["3.9"] };
  const failed = { event: "state", state: "failed", error: { message: "No.", actions: [good, { field: 3 }, null] } };
  const record = applyEvent(newRecord(FILE, "", 0), failed, 1);
  assert.deepEqual(record.failure.actions, [good]);
});

test("a step says how long the rest may take", () => {
  const step = { event: "progress", phase: "download", done: 1, total: 2, unit: "bytes", remaining_s: 12.5 };
  assert.equal(applyEvent(newRecord(FILE, "", 0), step, 1).step.remainingS, 12.5);
});

test("what is on an engine that is away is as last known", () => {
  const known = (state, connection, file = FILE) =>
    isLastKnown(enter(newRecord(file, "x", 0), state, 10), connection);
  assert.deepEqual(["offline", "refused", "online", "connecting"].map((away) => known("ready", away)), [true, true, false, false]);
  assert.equal(known("stopped", "offline"), false, "it has ended, whoever is there");
  assert.equal(known("ready", "offline", { ...FILE, type: "window" }), false, "it runs in the page");
  const waiting = enter(newRecord(FILE, "x", 0), "queued", 10, { detail: WAITING_FOR_ENGINE });
  assert.equal(isLastKnown(waiting, "offline"), false, "the engine knows nothing of it yet");
});
