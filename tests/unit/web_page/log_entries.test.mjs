import assert from "node:assert/strict";
import { test } from "node:test";

import { LogEntries, MAX_ENTRIES } from "../../../engine/web/page/state/log_entries.js";

function texts(log) {
  return log.entries.map((entry) => entry.text);
}

test("pieces of a line become one line", () => {
  const log = new LogEntries();
  log.write("stdout", "hel", 1);
  log.write("stdout", "lo\nwor", 2);
  log.write("stdout", "ld\n", 3);
  log.write("stdout", "\n", 4);
  assert.deepEqual(texts(log), ["hello", "world", ""]);
});

test("the streams do not run into each other", () => {
  const log = new LogEntries();
  log.write("stdout", "out", 1);
  log.write("stderr", "err\n", 2);
  log.write("stdout", "put\n", 3);
  assert.deepEqual(texts(log), ["output", "err"]);
});

test("a progress bar stays one line", () => {
  const log = new LogEntries();
  log.write("stderr", "\r 10%", 1);
  log.write("stderr", "\r 50%", 2);
  log.write("stderr", "\r100%\ndone\n", 3);
  assert.deepEqual(texts(log), ["100%", "done"]);
  log.write("stderr", "20%\r", 4);
  log.write("stderr", "30%\r\n", 5);
  assert.equal(texts(log).at(-1).trim(), "30%");
});

test("only the last entries are kept, and the rest is counted", () => {
  const log = new LogEntries();
  for (let at = 0; at < MAX_ENTRIES + 1; at += 1) log.add("info", String(at), at);
  assert.ok(log.entries.length <= MAX_ENTRIES);
  assert.equal(log.dropped + log.entries.length, MAX_ENTRIES + 1);
  assert.equal(texts(log).at(-1), String(MAX_ENTRIES));
  log.clear();
  assert.deepEqual([log.entries.length, log.dropped], [0, 0]);
});

test("a very long line is cut and says so", () => {
  const log = new LogEntries();
  log.write("stdout", "x".repeat(50_000), 1);
  log.write("stdout", "\n", 2);
  assert.match(texts(log)[0], /more characters\)$/);
  assert.ok(texts(log)[0].length < 25_000);
});

test("the log is copied as text", () => {
  const log = new LogEntries();
  log.add("error", "ValueError: no data", 1);
  log.write("stdout", "bye\n", 2);
  assert.equal(log.asText(), "ValueError: no data\nbye");
});

test("a phase of a build is one line, which says how it ended", () => {
  const log = new LogEntries();
  const download = { phase: "download", unit: "bytes", total: 4_000_000 };
  for (const step of [
    { phase: "resolve", message: "Choosing versions: a" },
    { phase: "resolve", message: "Choosing versions" },
    { ...download, item: "a", message: "Downloading a: 0.1 MB of 4.0 MB in all" },
    { ...download, item: "b", message: "Downloading b: 1.1 MB of 4.0 MB in all" },
    { phase: "link", item: "a", message: "Putting 2 packages into place" },
    { phase: "link", item: "b", message: "Putting 2 packages into place" },
  ]) {
    log.step(step, 1);
  }
  assert.equal(log.asText(), "Choosing versions\nDownloaded 4.0 MB\nPutting 2 packages into place");
});

test("each package that is built has a line, and a new start begins new lines", () => {
  const log = new LogEntries();
  log.step({ phase: "build", item: "a", message: "Building a" }, 1);
  log.step({ phase: "build", item: "b", message: "Building b" }, 2);
  log.add("error", "It failed.", 3);
  log.step({ phase: "build", item: "b", message: "Building b" }, 4);
  assert.equal(log.asText(), "Building a\nBuilding b\nIt failed.\nBuilding b");
});

test("a download that is not over does not say so", () => {
  const log = new LogEntries();
  log.step({ phase: "download", unit: "bytes", total: 9, message: "Downloading a: 1 B of 9 B" }, 1);
  log.step({ phase: "build", item: "b", message: "Building b" }, 2);
  assert.match(log.asText(), /^Downloading a: 1 B of 9 B\n/);
});

test("what is told again is put where it is missing, and nowhere twice", () => {
  const log = new LogEntries();
  log.write("stdout", "tick 1\n", 1400);
  log.write("stderr", "tick 2\n", 2450);
  log.add("note", "The engine was lost.", 3500);
  log.add("note", "It is back.", 5200);
  log.write("stdout", "tick 6\n", 6300);
  log.write("stdout", "tick 7\n", 6800);
  log.recall([
    { text: "tick 0\n", time: 0 },
    { text: "tick 1\n", time: 1000 },
    { text: "tick 2\ntick 3\n", time: 2000 },
    { text: "tick 4\ntick 5\n", time: 4000 },
    { text: "tick 6\n", time: 6000 },
  ]);
  const ticks = ["tick 0", "tick 1", "tick 2", "tick 3"];
  const rest = ["The engine was lost.", "tick 4", "tick 5", "It is back.", "tick 6", "tick 7"];
  assert.deepEqual(texts(log), [...ticks, ...rest]);
  assert.equal(log.entries[2].kind, "stderr");
  assert.equal(new Set(log.entries.map(({ id }) => id)).size, log.entries.length);
});

test("lines that say the same are told again as often as they are missing", () => {
  const log = new LogEntries();
  log.write("stdout", "step\nstep\n", 1400);
  log.recall([{ text: "step\nstep\nstep\n", time: 1000 }]);
  assert.deepEqual(texts(log), ["step", "step", "step"]);
});

test("a line that has no end yet is told again once, and goes on", () => {
  const log = new LogEntries();
  log.write("stdout", "loading ... ", 1400);
  log.recall([{ text: "begin\nloading", time: 1000 }]);
  log.write("stdout", "done\n", 1500);
  assert.deepEqual(texts(log), ["begin", "loading ... done"]);
  const later = new LogEntries();
  later.recall([{ text: "begin\nloading ... ", time: 1000 }]);
  later.write("stdout", "done\n", 1500);
  assert.deepEqual(texts(later), ["begin", "loading ... done"]);
});
