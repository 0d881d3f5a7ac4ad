import assert from "node:assert/strict";
import { test } from "node:test";

import { closeWindows } from "../../../engine/web/page/core/asking.js";
import { startPage } from "./fake_core.mjs";

function windowsOf(...drafts) {
  const closed = [];
  return { closed, windows: drafts.map((isUnsaved, at) => ({ isUnsaved, close: async () => void closed.push(at) })) };
}

test("windows without text that closing would forget close at once", async () => {
  const { app } = startPage();
  const { closed, windows } = windowsOf(false, undefined);
  await closeWindows(app, windows);
  assert.deepEqual([closed, app.dialogs.open.value], [[0, 1], []]);
});

test("text that is not saved is asked about once, and all windows stay or go", async () => {
  const { app } = startPage();
  for (const [answer, gone] of [
    ["cancel", []],
    ["answer", [0, 1, 2]],
  ]) {
    const { closed, windows } = windowsOf(true, false, true);
    const closing = closeWindows(app, windows);
    const [question] = app.dialogs.open.value;
    assert.match(question.props.title, /changes in 2 windows/);
    question[answer](true);
    await closing;
    assert.deepEqual([closed, app.dialogs.open.value], [gone, []]);
  }
});
