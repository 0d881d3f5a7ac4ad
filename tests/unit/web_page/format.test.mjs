import assert from "node:assert/strict";
import { test } from "node:test";

import {
  formatBytes,
  formatClock,
  formatMoment,
  formatCount,
  formatDuration,
  percentOf,
} from "../../../engine/web/page/text/format.js";

test("sizes", () => {
  assert.deepEqual(
    [0, 999, 1000, 18_240_000, 999_950, 2.5e12, -1].map(formatBytes),
    ["0 B", "999 B", "1.0 kB", "18.2 MB", "1.0 MB", "2.5 TB", "0 B"],
  );
});

test("durations", () => {
  assert.deepEqual(
    [0.04, 9.94, 9.96, 59.4, 65, 3599.6, 7380].map(formatDuration),
    ["0.0 s", "9.9 s", "10 s", "59 s", "1 min 05 s", "1 h 00 min", "2 h 03 min"],
  );
});

test("time of day and counts", () => {
  assert.match(formatClock(Date.UTC(2026, 0, 1)), /^\d\d:\d\d:\d\d$/);
  assert.equal(formatCount(1, "window"), "1 window");
  assert.equal(formatCount(0, "process", "processes"), "0 processes");
});

test("progress is a fraction below one and percent from one on", () => {
  assert.deepEqual([0, 0.4, 1, 40, 140, -3].map(percentOf), [0, 40, 1, 40, 100, 0]);
  assert.deepEqual(["0.5", "", "x", null, Number.NaN].map(percentOf), [50, null, null, null, null]);
});

test("the day is said of what came on another one", () => {
  const then = new Date(2026, 10, 28, 23, 59, 58).getTime();
  assert.equal(formatMoment(then, then + 1000), "23:59:58");
  assert.equal(formatMoment(then, then + 3000), "11-28 23:59:58");
});
