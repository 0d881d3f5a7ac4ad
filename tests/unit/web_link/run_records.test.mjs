import assert from "node:assert/strict";
import { test } from "node:test";

import { newRunId } from "../../../engine/web/link/run_records.js";
import { FakeEngine } from "./support/engine.mjs";
import { linkTo, rejection, started } from "./support/page.mjs";

const RUN = { id: "r-1", plugin: "Plugin", instance: "i-1", name: "run", state: "done", error: null };

function engineWith(exports = {}) {
  return new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports } } });
}

/** Let the engine answer a request for the result with this value of the wire. */
function keeps(engine, value) {
  engine.answers.fetch_run = { success: true, run: RUN, follows: true };
  engine.frame({ to: "", from: "", kind: "run", run: "r-1" }, { type: "callback", id: 1, args: [value] });
}

test("ids of runs are new and fit for a file's name", () => {
  const ids = new Set(Array.from({ length: 100 }, newRunId));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{1,64}$/);
});

test("a call of run is a run, and no other call is", async () => {
  const engine = engineWith({ run: () => 5, other: () => 6 });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  assert.deepEqual([await plugin.run({}), await plugin.other()], [5, 6]);
  const [run, ...more] = engine.runs;
  assert.equal(run.name, "run");
  assert.deepEqual(more, []);
  assert.ok(link.runRecords.own.has(run.id));
});

test("what the engine says of runs is passed on, and asked for", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const heard = [];
  link.on("run", (run) => heard.push(run));
  engine.frame({ to: "", from: "", kind: "event", name: "run_event" }, { run: RUN });
  engine.answers.list_runs = { success: true, runs: [RUN] };
  assert.deepEqual(await link.runRecords.list({ plugin: "Plugin" }), [RUN]);
  assert.deepEqual(engine.requestsOf("list_runs"), [{ plugin: "Plugin" }]);
  assert.deepEqual(heard, [RUN]);
});

test("a wait goes on until the run is over", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const states = ["running", "running", "done"];
  Object.defineProperty(engine.answers, "wait_run", {
    get: () => ({ success: true, run: { ...RUN, state: states[0] } }),
  });
  const ask = link.session.request.bind(link.session);
  link.session.request = async (...given) => {
    const answer = await ask(...given);
    states.shift();
    return answer;
  };
  assert.equal((await link.runRecords.wait("r-1")).state, "done");
  assert.equal(engine.requestsOf("wait_run").length, 3);
});

test("the kept result is read by the plugin's own end", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  await started(engine, link);
  const { instance } = link.runOf({ name: "Plugin" });
  const asked = link.runRecords.result({ ...RUN, instance });
  keeps(engine, { _rtype: "set", _rvalue: [1, 2] });
  assert.deepEqual(await asked, new Set([1, 2]));
});

test("an error that was kept is thrown, and nothing kept says why", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  await started(engine, link);
  const { instance } = link.runOf({ name: "Plugin" });
  const failed = link.runRecords.result({ ...RUN, instance, state: "failed" });
  keeps(engine, { _rtype: "error", _rvalue: "no such epoch", _rname: "KeyError" });
  assert.match((await rejection(failed)).message, /no such epoch/);
  const error = { code: "plugin-exited", message: "It was killed." };
  engine.answers.fetch_run = { success: true, run: { ...RUN, error }, follows: false };
  const nothing = await rejection(link.runRecords.result(RUN));
  assert.deepEqual([nothing.code, /It was killed/.test(nothing.message)], ["plugin-exited", true]);
});

test("what is kept of a plugin that is gone is read too, and says of its functions that nobody is there", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const asked = link.runRecords.result(RUN);
  const method = { _rtype: "interface", _rtarget_id: "gone-peer", _rintf: "o-1", _rvalue: "again" };
  keeps(engine, { found: { _rtype: "set", _rvalue: [1, 2] }, again: method });
  const { found, again } = await asked;
  assert.deepEqual(found, new Set([1, 2]));
  assert.match((await rejection(again())).message, /"Plugin" that returned this function has ended/);
  const failed = link.runRecords.result({ ...RUN, state: "failed" });
  keeps(engine, { _rtype: "error", _rvalue: "no such epoch", _rname: "KeyError", _rtrace: "Traceback" });
  const { name, trace } = await rejection(failed);
  assert.deepEqual([name, trace], ["KeyError", "Traceback"]);
});

test("the last of a plugin's log is asked for by its name", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const parts = [{ text: "printed", time_s: 7 }];
  engine.answers.get_plugin_log = { success: true, parts };
  assert.deepEqual(await link.logOf({ plugin: "Plugin" }), parts);
  assert.deepEqual(engine.requestsOf("get_plugin_log"), [{ plugin: "Plugin" }]);
});
