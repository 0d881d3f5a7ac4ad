import assert from "node:assert/strict";
import { test } from "node:test";

import { closeWindows, removePlugin } from "../../../engine/web/page/core/asking.js";
import { source, startPage } from "./fake_core.mjs";

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

test("a plugin is removed when the person says so, who is told what stays", async () => {
  const { app, runner, of } = startPage();
  for (const [type, said] of [
    ["native-python", /environment stays/],
    ["web-worker", /download it with Edit first\.$/],
  ]) {
    await runner.load(source({ name: "Demo", type }), { origin: "x" });
    for (const answer of ["cancel", "answer"]) {
      const removing = removePlugin(app, of("Demo"));
      const [question] = app.dialogs.open.value;
      assert.deepEqual([question.props.title, said.test(question.props.content)], ["Remove Demo?", true]);
      question[answer](true);
      await removing;
      assert.equal(of("Demo") === undefined, answer === "answer");
    }
  }
});
