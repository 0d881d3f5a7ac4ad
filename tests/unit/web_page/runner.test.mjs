import assert from "node:assert/strict";
import { test } from "node:test";

import { isRunnable, statusWords } from "../../../engine/web/page/state/records.js";
import { source, startPage } from "./fake_core.mjs";

/** What passes by at the corner. */
const toasts = ({ messages }) => messages.toasts.value.map(({ from, text }) => `${from}: ${text}`);

test("a plugin that comes up is ready, and is remembered", async () => {
  const { runner, of, storage } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "demo.html" });
  assert.equal(of("Demo").state, "ready");
  assert.deepEqual(JSON.parse(storage.getItem("imjoy-engine-plugins"))[0].name, "Demo");
});

test("a file that is no plugin is refused, with no card", async () => {
  const { app, runner } = startPage();
  await runner.load("nothing", { origin: "a.html" });
  assert.equal(app.plugins.records.value.size, 0);
  assert.match(app.plugins.refusals.value[0].message, /no <config> block/);
});

test("what was refused of a file goes when the file is put right", async () => {
  const { app, runner } = startPage();
  await runner.load("nothing", { origin: "a.html" });
  await runner.load("nothing", { origin: "b.html" });
  await runner.load(source({ name: "Demo" }), { origin: "a.html" });
  assert.deepEqual(
    app.plugins.refusals.value.map(({ origin }) => origin),
    ["b.html"],
  );
});

test("a load that fails says why, and the core forgets the dead plugin", async () => {
  const { app, core, runner, of } = startPage();
  core.onLoad = () => {
    throw new Error("setup raised");
  };
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  assert.equal(of("Demo").state, "failed");
  assert.equal(of("Demo").failure.message, "setup raised");
  assert.deepEqual(core.unloaded, ["Demo"]);
  assert.deepEqual(toasts(app), ["Demo: setup raised"]);
});

test("the plugin that a person has brought last is shown, and not one that comes back", async () => {
  const { app, runner } = startPage();
  const { brought } = app.plugins;
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  assert.equal(brought.value, "Demo");
  brought.set("");
  await runner.reload("Demo");
  await runner.load(source({ name: "Other" }), { origin: "x", isBack: true });
  assert.equal(brought.value, "");
});

test("the engine's own account of a failure is kept, and told once", async () => {
  const { app, core, runner, watcher, of } = startPage();
  const error = { message: "No such package.", hint: "Check its name.", log_tail: "× nope" };
  core.onLoad = (_, plugin) => {
    watcher.onEngineEvent({ id: plugin.id, name: "Demo", event: "state", state: "failed", error });
    throw new Error("The plugin could not start.");
  };
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  assert.deepEqual(of("Demo").failure, { message: "No such package.", hint: "Check its name.", logTail: "× nope" });
  assert.deepEqual(toasts(app), ["Demo: No such package."]);
});

test("without an engine a native plugin says so and is not sent to the core", async () => {
  const { app, core, runner, of } = startPage({ online: false });
  runner.patienceMs = 0;
  app.connection.set({ state: "offline", message: "", info: null });
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  assert.match(of("Demo").failure.message, /engine is not connected/);
  assert.deepEqual(core.pm.plugin_names, {});
});

test("a native plugin waits for an engine that is coming", async () => {
  const { app, runner, of } = startPage({ online: false });
  const loading = runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  for (const state of ["connecting", "offline", "refused", "connecting"]) {
    app.connection.set({ state, message: "", info: null });
    assert.deepEqual([of("Demo").state, of("Demo").detail], ["queued", "Waiting for the engine…"]);
  }
  app.connection.set({ state: "online", message: "", info: null });
  await loading;
  assert.equal(of("Demo").state, "ready");
});

test("a plugin that is stopped or removed while it waits does not start", async () => {
  for (const end of ["stop", "remove"]) {
    const { app, core, runner, of } = startPage({ online: false });
    const loading = runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
    await runner[end]("Demo");
    app.connection.set({ state: "online", message: "", info: null });
    await loading;
    assert.deepEqual([of("Demo")?.state, core.pm.plugin_names], [end === "stop" ? "stopped" : undefined, {}]);
  }
});

test("a plugin that is replaced while it waits starts once", async () => {
  const { app, core, runner, of } = startPage({ online: false });
  let loads = 0;
  core.onLoad = () => void (loads += 1) ?? {};
  const loading = [1, 2].map((version) =>
    runner.load(source({ name: "Demo", type: "native-python", version: `${version}` }), { origin: "x" }),
  );
  await new Promise(setImmediate);
  app.connection.set({ state: "online", message: "", info: null });
  await Promise.all(loading);
  assert.deepEqual([of("Demo").file.version, of("Demo").state, loads], ["2", "ready", 1]);
});

test("web-python is refused with the tag that would work", async () => {
  const { runner, of } = startPage();
  const tagged = source({ name: "Demo", type: "web-python", tags: ["web", "native"] });
  await runner.load(tagged, { origin: "x" });
  assert.match(of("Demo").failure.message, /Pyodide/);
  assert.match(of("Demo").failure.hint, /native/);
});

test("run passes the form as config and shows a short result", async () => {
  const { core, runner, of } = startPage();
  const contexts = [];
  core.onLoad = () => ({ run: async (ctx) => contexts.push(ctx) && 42 });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.run("Demo", { n: 3 });
  assert.deepEqual(contexts, [{ config: { n: 3 }, data: {} }]);
  assert.match(of("Demo").outcome, /^Finished in .*: 42$/);
  assert.deepEqual([of("Demo").calls, of("Demo").outcomeFailed], [0, false]);
});

test("a result that describes a window opens it", async () => {
  const { core, runner } = startPage();
  core.onLoad = () => ({ run: async () => ({ type: "imjoy/image", data: { src: "x" } }) });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.run("Demo", {});
  assert.deepEqual(core.windows, [{ name: "Demo", type: "imjoy/image", data: { src: "x" }, config: {} }]);
});

test("what exports no run cannot be run, whoever brought it", async () => {
  const { app, core, runner, of } = startPage();
  for (const [name, api, can] of [["Tool", { run: async () => 1 }, true], ["Helper", { add: async () => 1 }, false]]) {
    core.onLoad = () => api;
    await runner.load(source({ name }), { origin: "x" });
    await core.reload({ code: source({ name: `Other ${name}` }) });
    assert.deepEqual([name, `Other ${name}`].map((each) => isRunnable(of(each))), [can, can], name);
  }
  assert.equal(app.plugins.records.value.size, 4);
});

test("a run that raises says so on the card and in the log", async () => {
  const { app, core, runner, of } = startPage();
  const words = 'Traceback (most recent call last):\n  File "Demo", line 7\nValueError: no data';
  core.onLoad = () => ({
    run: async () => {
      throw new Error(words);
    },
  });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.run("Demo", {});
  assert.deepEqual([of("Demo").outcome, of("Demo").outcomeFailed], ["ValueError: no data", true]);
  assert.deepEqual([app.logs.of("Demo").entries[0].text, app.logs.of("Demo").errors.value], [words, 1]);
});

function named(name, message, more = {}) {
  return Object.assign(new Error(message), { name, ...more });
}

test("a run that a person has ended is no error", async () => {
  const ends = [
    [named("CancelledError", "The dialog was cancelled.", { trace: "Traceback" }), "ready", /^Cancelled after /],
    [new Error("Error: The dialog was cancelled."), "ready", /^Cancelled after /],
    [named("LinkError", 'The plugin "Demo" was stopped.', { code: "plugin-stopped" }), "ready", /^Cancelled after /],
    [named("CancelledError", "run was cancelled"), "draining", /^Cancelled after /],
    [named("KeyboardInterrupt", ""), "draining", /^Cancelled after /],
    [named("LinkError", 'The plugin "Demo" was stopped.', { code: "plugin-stopped" }), "stopped", /^Cancelled after /],
    [named("LinkError", "The engine was started anew.", { code: "session-lost" }), "stopped", /^Lost after /],
  ];
  for (const [error, state, words] of ends) {
    const { app, core, runner, watcher, of } = startPage();
    core.onLoad = () => ({
      run: async () => {
        watcher.onEngineEvent({ id: "Demo-1", name: "Demo", event: "state", state });
        throw error;
      },
    });
    await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
    await runner.run("Demo", {});
    assert.match(of("Demo").outcome, words);
    assert.deepEqual([of("Demo").outcomeFailed, app.logs.of("Demo").errors.value], [false, 0]);
  }
});

test("a run that is asked for while the engine is away waits, and says so", async () => {
  const { app, core, runner, of } = startPage();
  const ends = [];
  core.onLoad = () => ({ run: () => new Promise((resolve) => ends.push(resolve)) });
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  app.plugins.change("Demo", (old) => ({ ...old, outcome: "It failed.", outcomeFailed: true }));
  const runs = [runner.run("Demo", {})];
  assert.equal(of("Demo").outcomeFailed, false, "what the last run said is no word on this one");
  assert.equal(statusWords(of("Demo")), "Running");
  app.connection.set({ state: "offline", message: "", info: null });
  runs.push(runner.run("Demo", {}));
  assert.equal(statusWords(of("Demo")), "1 running, 1 waiting");
  ends[0]();
  await runs[0];
  assert.equal(statusWords(of("Demo")), "Waiting");
  app.connection.set({ state: "online", message: "", info: null });
  assert.equal(statusWords(of("Demo")), "Running");
  ends[1]();
  await runs[1];
  assert.deepEqual([statusWords(of("Demo")), of("Demo").waiting], ["Ready", 0]);
});

test("a start that is ended from elsewhere has not failed", async () => {
  const { app, core, runner, of } = startPage();
  core.onLoad = () => {
    throw named("LinkError", 'The plugin "Demo" was stopped.', { code: "plugin-stopped" });
  };
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  assert.deepEqual([of("Demo").state, of("Demo").failure, app.logs.of("Demo").errors.value], ["stopped", null, 0]);
});

test("what a plugin asks is taken away when its process has ended", async () => {
  for (const state of ["failed", "stopped", "backoff"]) {
    const { app, runner, watcher } = startPage();
    await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
    const gone = assert.rejects(app.dialogs.ask("prompt", {}, "Demo"));
    const other = app.dialogs.ask("prompt", {}, "Other");
    watcher.onEngineEvent({ id: "Demo-1", name: "Demo", event: "state", state });
    await gone;
    assert.deepEqual(app.dialogs.open.value.map(({ owner }) => owner), ["Other"]);
    app.dialogs.open.value[0].answer(1);
    await other;
  }
});

test("a start anew leaves no unread errors of before", async () => {
  const { app, runner } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  app.logs.of("Demo").add("error", "oh");
  await runner.reload("Demo");
  assert.equal(app.logs.of("Demo").errors.value, 0);
});

test("a plugin's words leave the status line when it ends or is removed", async () => {
  for (const end of ["stop", "remove"]) {
    const { app, runner } = startPage();
    for (const name of ["Demo", "Other"]) await runner.load(source({ name }), { origin: "x" });
    app.messages.say("At work", "Demo");
    await runner[end]("Other");
    assert.equal(app.messages.status.value, "At work");
    await runner[end]("Demo");
    assert.equal(app.messages.status.value, "");
  }
});

test("a plugin's words leave the status line a while after its run, and no newer ones", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { app, runner } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  const after = async (newer) => {
    app.messages.say("Step 1", "Demo");
    await runner.run("Demo", {});
    assert.equal(app.messages.status.value, "Step 1");
    if (newer) app.messages.say(newer, "Demo");
    t.mock.timers.tick(60_000);
    return app.messages.status.value;
  };
  assert.deepEqual([await after("Step 2"), await after("")], ["Step 2", ""]);
});

test("stop ends the process, its dialogs and the core's plugin", async () => {
  const { app, core, runner, of } = startPage();
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  const asked = app.dialogs.ask("confirm", {}, "Demo");
  const cancelled = assert.rejects(asked);
  await runner.stop("Demo");
  await cancelled;
  assert.deepEqual([of("Demo").state, app.killed, core.unloaded], ["stopped", ["Demo-1"], ["Demo"]]);
});

test("loading the same name again stops the first and keeps what was filled in", async () => {
  const { app, core, runner, of } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  app.plugins.change("Demo", (old) => ({ ...old, values: { n: 5 } }));
  await runner.reload("Demo", { source: source({ name: "Demo", version: "2" }) });
  assert.deepEqual([of("Demo").file.version, of("Demo").values, of("Demo").state], ["2", { n: 5 }, "ready"]);
  assert.deepEqual(core.unloaded, ["Demo"]);
});

test("remove leaves nothing", async () => {
  const { app, runner, storage } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.remove("Demo");
  assert.equal(app.plugins.records.value.size, 0);
  assert.equal(storage.getItem("imjoy-engine-plugins"), "[]");
});

test("a plugin that another one loaded gets a card", async () => {
  const { core, of } = startPage();
  await core.reload({ code: source({ name: "Helper" }) });
  assert.deepEqual([of("Helper").state, of("Helper").origin], ["ready", "loaded by another plugin"]);
});

test("events of an instance that was replaced do not touch the card", async () => {
  const { app, runner, watcher, of } = startPage();
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  watcher.onEngineEvent({ id: "Demo-0", name: "Demo", event: "state", state: "stopped" });
  assert.equal(of("Demo").state, "ready");
  watcher.onEngineEvent({ id: "Demo-1", name: "Demo", event: "log", stream: "stderr", text: "last words\n", time_s: 5 });
  const { text, time } = app.logs.of("Demo").entries.at(-1);
  assert.deepEqual([text, time], ["last words", 5000]);
});

test("operations are listed once each, and only the plugin's own", async () => {
  const { core, runner, of } = startPage();
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  const plugin = core.pm.plugin_names.Demo;
  const config = { name: "train", ui: "epochs", run() {} };
  core.emit("register", { plugin, config });
  core.emit("register", { plugin, config });
  core.emit("register", { plugin, config: { name: "Demo", run() {} } });
  core.emit("register", { plugin, config: { name: "m", type: "@model", run() {} } });
  assert.deepEqual(of("Demo").operations, [{ name: "train", ui: "epochs" }]);
});

test("a plugin is ready when its setup has run, not when its process is there", async () => {
  const { core, runner, watcher, of } = startPage();
  const seen = [];
  core.onLoad = (_, plugin) => {
    watcher.onEngineEvent({ id: plugin.id, name: "Demo", event: "state", state: "ready" });
    seen.push(of("Demo").state, of("Demo").detail);
    return {};
  };
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  assert.deepEqual(seen, ["starting", "Running its script and its setup"]);
  assert.equal(of("Demo").state, "ready");
});

test("an engine that is stopped takes its plugins along without a failure", async () => {
  const { app, core, runner, watcher, of } = startPage();
  const hears = (event) => watcher.onEngineEvent({ id: "Demo-1", name: "Demo", ...event });
  const detail = "The engine was stopped, and the plugin with it.";
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  hears({ event: "state", state: "stopped", detail });
  assert.deepEqual([of("Demo").state, of("Demo").detail, of("Demo").failure], ["stopped", detail, null]);
  assert.deepEqual(app.logs.of("Demo").entries.map(({ kind, text }) => [kind, text]), [["note", detail]]);
  core.onLoad = () => {
    hears({ event: "state", state: "stopped", detail });
    throw named("LinkError", "The engine was started anew.", { code: "session-lost" });
  };
  await runner.start("Demo");
  assert.deepEqual([of("Demo").state, of("Demo").detail, of("Demo").failure], ["stopped", detail, null]);
});

test("when the engine goes, its plugins are stopped and their dialogs closed", async () => {
  const { app, core, runner, of } = startPage();
  await runner.load(source({ name: "Native", type: "native-python" }), { origin: "x" });
  await runner.load(source({ name: "Worker" }), { origin: "x" });
  const cancelled = assert.rejects(app.dialogs.ask("confirm", {}, "Native"));
  core.emit("engine_disconnected", {});
  await cancelled;
  assert.match(of("Native").failure.message, /connection to the engine was lost/);
  assert.deepEqual([of("Native").state, of("Worker").state], ["stopped", "ready"]);
  await core.reload({ code: of("Native").file.source });
  assert.deepEqual([of("Native").state, of("Native").failure], ["ready", null]);
});

test("a plugin whose process the engine has started again is brought up again", async () => {
  const { core, runner, watcher, of } = startPage();
  await runner.load(source({ name: "Demo", type: "native-python" }), { origin: "x" });
  const { id } = core.pm.plugin_names.Demo;
  const tell = (event) => watcher.onEngineEvent({ id, name: "Demo", event: "state", ...event });
  tell({ state: "backoff", error: { message: "It crashed." }, wait_s: 1, attempt: 1, of: 3 });
  assert.deepEqual([of("Demo").state, of("Demo").restart.attempt], ["backoff", 1]);
  let loads = 0;
  core.onLoad = () => void (loads += 1);
  tell({ state: "starting" });
  tell({ state: "ready" });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(loads, 1);
  assert.equal(of("Demo").restart, null);
});

test("a run that can be given up is, by Cancel, and its plugin lives on", async () => {
  const { core, runner, of } = startPage();
  const run = async () => "not this one";
  run.withOptions = ({ signal, onProgress }) => {
    onProgress(0.25, "a quarter");
    return () => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  core.onLoad = () => ({ run });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  const [first, second] = [runner.run("Demo", {}), runner.run("Demo", {})];
  assert.deepEqual([of("Demo").bar, of("Demo").isCancellable, of("Demo").calls], [25, true, 2]);
  runner.cancel("Demo");
  await Promise.all([first, second]);
  assert.match(of("Demo").outcome, /^Cancelled after /);
  assert.deepEqual(
    [of("Demo").state, of("Demo").outcomeFailed, of("Demo").isCancellable, of("Demo").bar],
    ["ready", false, false, null],
  );
  runner.cancel("Demo");
});

test("what a run reports is seen on its card: numbers as a bar, words as words", async () => {
  const { core, runner, of } = startPage();
  const seen = [];
  const run = () => undefined;
  run.withOptions = ({ onProgress }) => async () => {
    for (const values of [["begun"], [0.5], [70, "nearly", "there"], [{ strange: 1 }]]) {
      onProgress(...values);
      seen.push([of("Demo").bar, of("Demo").outcome]);
    }
  };
  core.onLoad = () => ({ run });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.run("Demo", {});
  assert.deepEqual(seen, [[null, "begun"], [50, "begun"], [70, "nearly there"], [70, "nearly there"]]);
});

test("a new card, or why there is none, is what a small screen shows; what has a card is loaded where one is", async () => {
  const { app, runner } = startPage();
  app.tab.set("windows");
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  assert.equal(app.tab.value, "plugins");
  app.tab.set("windows");
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  assert.equal(app.tab.value, "windows");
  await runner.load("no plugin", { origin: "x" });
  assert.equal(app.tab.value, "plugins");
});

test("a log says how a process ended, and of one that just ended no more than that", () => {
  const { app, watcher } = startPage();
  for (const words of ["finished", "killed by SIGKILL", ""]) watcher.onEngineEvent({ id: "Demo-1", name: "Demo", event: "exit", words });
  assert.deepEqual(
    app.logs.of("Demo").entries.map(({ text }) => text),
    ["The process has ended.", "The process ended: killed by SIGKILL.", "The process ended: no reason was given."],
  );
});
