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
