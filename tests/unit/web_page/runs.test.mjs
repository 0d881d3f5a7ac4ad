import assert from "node:assert/strict";
import { test } from "node:test";

import { RunWatch } from "../../../engine/web/page/core/run_watch.js";
import { hasAnswer, percent, runWords, runsOf, withRun } from "../../../engine/web/page/state/run_list.js";
import { checkPluginFile } from "../../../engine/web/page/plugin_file/check.js";
import { enter, newRecord } from "../../../engine/web/page/state/records.js";
import { lookElsewhere, restore } from "../../../engine/web/page/core/elsewhere.js";
import { recall, remember } from "../../../engine/web/page/state/remembered.js";
import { Observable } from "../../../engine/web/page/state/observable.js";
import { source, startPage } from "./fake_core.mjs";

const RUN = {
  id: "r-1",
  plugin: "Train",
  tag: "",
  instance: "i-1",
  name: "run",
  state: "running",
  started: 1000,
  ended: null,
  progress: null,
  status: "",
  size_bytes: null,
  error: null,
};

test("a run is told in words", () => {
  assert.equal(runWords(RUN, 1005), "Running for 5.0 s");
  assert.equal(runWords({ ...RUN, progress: 0.5, status: "epoch 3" }, 1005), "Running for 5.0 s 50 %: epoch 3");
  assert.equal(runWords({ ...RUN, state: "done", ended: 1072 }, 9999), "Finished in 1 min 12 s");
  assert.equal(runWords({ ...RUN, state: "failed", ended: 1002 }, 9999), "Failed after 2.0 s");
  const stopped = { ...RUN, state: "failed", ended: 1002, error: { code: "plugin-stopped" } };
  assert.equal(runWords(stopped, 9999), "Cancelled after 2.0 s");
  assert.equal(runWords({ ...RUN, state: "cancelled", ended: 1002 }, 9999), "Cancelled after 2.0 s");
  assert.equal(runWords({ ...RUN, unwanted: true, status: "epoch 3" }, 1005), "Cancelling… Running for 5.0 s");
  assert.equal(runWords({ ...RUN, unwanted: true, state: "done", ended: 1002 }, 9999), "Finished in 2.0 s");
  assert.equal(runWords({ ...RUN, state: "lost", ended: 1002 }, 9999), "Lost with the engine");
});

test("only what has returned or raised something is shown", () => {
  const answers = { running: false, done: true, failed: true, cancelled: false };
  for (const [state, shown] of Object.entries(answers)) {
    assert.equal(hasAnswer({ ...RUN, state, size_bytes: 10 }), shown, state);
  }
  assert.ok(!hasAnswer({ ...RUN, state: "done" }), "it was too big to keep");
});

test("progress is a part of one or a number of percent", () => {
  assert.deepEqual([0, 0.25, 1, 40, 250, -3].map(percent), [0, 25, 1, 40, 100, 0]);
});

test("the runs of a plugin are listed, the latest first and not too many", () => {
  let runs = new Map();
  for (let number = 0; number < 12; number += 1) {
    runs = withRun(runs, { ...RUN, id: `r-${number}`, started: number });
  }
  runs = withRun(runs, { ...RUN, id: "other", plugin: "Other" });
  runs = withRun(runs, { ...RUN, id: "tagged", tag: "GPU" });
  const listed = runsOf(runs, "Train", "").map(({ id }) => id);
  assert.deepEqual(listed, ["r-11", "r-10", "r-9", "r-8", "r-7", "r-6", "r-5", "r-4"]);
});

/** A page that is attached to one instance of Train, whose runs are `runs`. */
function page(runs, results = {}) {
  const record = { calls: 0, outcome: "before" };
  const app = {
    runs: new Observable(new Map()),
    record,
    bars: [],
    lines: [],
    outcomes: [],
    shown: [],
    watcher: { setBar: (_name, value) => app.bars.push(value) },
    logs: { of: () => ({ recall: (parts) => app.lines.push(...parts.map(({ text, time }) => `${time} ${text}`)), add: (kind, text) => app.lines.push(`${kind}: ${text}`) }) },
    plugins: { get: () => undefined, change: (_name, change) => Object.assign(record, change(record)) },
    runner: {
      endRun: (_name, words, failed, counted) => app.outcomes.push([words, failed, counted]),
      showResult: async (_name, result) => app.shown.push(result),
    },
    cancelled: [],
    link: {
      runOf: ({ name, instance }) =>
        name === "Train" || instance === "i-1" ? { resumed: true, instance: "i-1" } : undefined,
      logOf: async () => [
        { text: "printed before\n", time_s: 7 },
        { text: "and later\n", time_s: 9 },
      ],
      runRecords: {
        own: new Set(),
        cancel: async (id) => void app.cancelled.push(id),
        list: async () => runs,
        result: async ({ id }) => {
          if (results[id] instanceof Error) throw results[id];
          return results[id];
        },
      },
    },
  };
  app.runWatch = new RunWatch(app);
  return app;
}

test("a run that is under way is followed to its end", async () => {
  const app = page([{ ...RUN, progress: 0.25 }], { "r-1": 42 });
  await app.runWatch.attached("Train");
  assert.deepEqual([app.record.calls, app.record.outcome, app.bars], [1, "", [0.25]]);
  assert.deepEqual(app.lines, ["7000 printed before\n", "9000 and later\n"]);
  app.runWatch.onRun({ ...RUN, progress: 0.5 });
  await app.runWatch.ended({ ...RUN, state: "done", ended: 1003, size_bytes: 10 });
  assert.deepEqual(app.bars, [0.25, 0.5]);
  assert.deepEqual(app.outcomes, [["Finished in 3.0 s: 42", false, true]]);
  assert.deepEqual(app.shown, [42]);
});

test("a run of before says how far it is, and can be cancelled", async () => {
  const app = page([{ ...RUN, status: "tile 1 of 4" }]);
  await app.runWatch.attached("Train");
  assert.deepEqual([app.record.outcome, app.record.isCancellable], ["tile 1 of 4", true]);
  app.runWatch.onRun({ ...RUN, progress: 0.5, status: "tile 2 of 4" });
  assert.deepEqual([app.record.outcome, app.bars], ["tile 2 of 4", [0.5]]);
  app.runWatch.cancel("Other");
  app.runWatch.cancel("Train");
  assert.deepEqual(app.cancelled, ["r-1"]);
});

test("a run that another page begins is followed, once, and not one of this page or of no plugin here", () => {
  const app = page([]);
  app.link.runRecords.own.add("r-own");
  for (const run of [RUN, RUN, { ...RUN, id: "r-own" }, { ...RUN, id: "r-2", instance: "i-2" }]) app.runWatch.onRun(run);
  assert.deepEqual([app.record.calls, [...app.runWatch.followed]], [1, ["r-1"]]);
});

test("of runs that have ended meanwhile the last stands on the card", async () => {
  const done = { ...RUN, state: "done", ended: 1003, size_bytes: 10 };
  const app = page([{ ...done, id: "r-0" }, done], { "r-0": "old", "r-1": "new" });
  await app.runWatch.attached("Train");
  assert.deepEqual(app.outcomes, [["Finished in 3.0 s: new", false, false]]);
  assert.equal(app.runs.value.size, 2);
});

test("what a run raised stands on the card and in the log", async () => {
  const app = page([RUN], { "r-1": new Error("no such epoch") });
  await app.runWatch.attached("Train");
  await app.runWatch.ended({ ...RUN, state: "failed", ended: 1003, size_bytes: 10 });
  const [[words, failed]] = app.outcomes;
  assert.match(words, /no such epoch/);
  assert.ok(failed);
  assert.match(app.lines.at(-1), /^error: .*no such epoch/);
});

test("a result too big to fetch is left where it is", async () => {
  const app = page([]);
  await app.runWatch.ended({ ...RUN, state: "done", ended: 1003, size_bytes: 1e9 });
  assert.deepEqual(app.outcomes, [["Finished in 3.0 s.", false, false]]);
});

test("after an engine that was started anew the page learns what became of its runs", async () => {
  const gone = { code: "engine-gone", message: "The engine ended before the run did." };
  const runs = [{ ...RUN, state: "lost", ended: 1003, error: gone }];
  const app = page(runs, { "r-1": Object.assign(new Error(gone.message), { code: gone.code }) });
  for (const id of ["r-1", "r-2"]) app.runWatch.onRun({ ...RUN, id });
  await app.runWatch.refresh();
  await new Promise(setImmediate);
  assert.deepEqual([...app.runs.value.values()], runs, "the other is not known any more");
  assert.deepEqual(app.outcomes, [["Lost after 3.0 s.", false, true]]);
  app.link.runRecords.list = () => assert.fail("nothing is under way");
  await app.runWatch.refresh();
});

test("a plugin that this page has started has nothing to catch up with", async () => {
  const app = page([RUN]);
  app.link.runOf = () => ({ resumed: false, instance: "i-1" });
  await app.runWatch.attached("Train");
  assert.deepEqual([app.lines, app.outcomes], [[], []]);
});

test("what the tab had loaded comes back, once", () => {
  const loaded = [];
  const before = [{ name: "A", source: "…", origin: "a file", tag: "GPU", values: { n: 1 }, choices: {} }];
  const recalled = [];
  const app = {
    before,
    runner: { load: async (source, how) => loaded.push([source, how]) },
    runWatch: { recall: (name) => recalled.push(name) },
  };
  restore(app);
  restore(app);
  assert.deepEqual(loaded, [["…", { origin: "a file", tag: "GPU", values: { n: 1 }, choices: {}, isBack: true }]]);
  assert.deepEqual(recalled, ["A"]);
});

/** A page on which Demo is stopped; the engine knows of these runs of it, and what they returned or raised. */
function stoppedPage(runs, results) {
  const started = startPage();
  const { plugin } = checkPluginFile(source({ name: "Demo", type: "native-python" }));
  started.app.plugins.put(enter(newRecord(plugin, "a file", 0), "stopped", 0));
  Object.assign(started.app.link, {
    logOf: async ({ plugin }) =>
      plugin ? [{ text: `${plugin} printed\n`, time_s: 7 }] : assert.fail("nothing of it runs"),
    runRecords: {
      list: async (wanted) => runs.filter((run) => run.plugin === wanted.plugin && run.tag === wanted.tag),
      result: async ({ id }) => (results[id] instanceof Error ? Promise.reject(results[id]) : results[id]),
    },
  });
  return started;
}

const DONE = { ...RUN, plugin: "Demo", state: "done", ended: 1003, size_bytes: 10 };

test("a plugin that does not run shows its earlier runs, how the last one ended, and its log", async () => {
  const runs = [DONE, { ...DONE, id: "r-2", started: 1001 }, { ...DONE, id: "r-3", tag: "GPU", started: 1002 }];
  const { app, of } = stoppedPage(runs, { "r-1": "old", "r-2": "new" });
  await app.runWatch.recall("Demo");
  assert.deepEqual([of("Demo").outcome, of("Demo").state], ["Finished in 2.0 s: new", "stopped"]);
  assert.deepEqual([...app.runs.value.keys()], ["r-1", "r-2"]);
  assert.equal(app.logs.of("Demo").asText(), "Demo printed");
});

test("a run that failed before its plugin was stopped has failed all the same", async () => {
  const { app, of } = stoppedPage([{ ...DONE, state: "failed" }], { "r-1": new Error("no such epoch") });
  await app.runWatch.recall("Demo");
  assert.deepEqual([of("Demo").outcome, of("Demo").outcomeFailed], ["no such epoch", true]);
  assert.equal(app.logs.of("Demo").errors.value, 0, "it is no news");
});

test("a run that is shown says how it ended, and opens the window that it returned", async () => {
  const view = { type: "imjoy/markdown", name: "View", data: { source: "# seen" } };
  const { app, core, of } = stoppedPage([], { "r-1": view, "r-2": Object.assign(new Error("no such epoch"), { trace: "Traceback\n…" }) });
  assert.equal((await app.runWatch.show(DONE)).words, "Finished in 3.0 s.");
  assert.deepEqual(core.windows.map(({ name }) => name), ["View"]);
  const { failed, story } = await app.runWatch.show({ ...DONE, id: "r-2", state: "failed" });
  assert.deepEqual([failed, story], [true, "Traceback\n…"]);
  assert.equal(of("Demo").outcome, "", "the card speaks of the last run");
});

test("what runs by now says itself how it stands", async () => {
  const { app, of } = stoppedPage([DONE], { "r-1": "old" });
  const begun = Promise.resolve().then(() => app.plugins.change("Demo", (old) => ({ ...old, calls: 1 })));
  await app.runWatch.recall("Demo", begun);
  assert.equal(of("Demo").outcome, "");
  app.plugins.change("Demo", (old) => ({ ...old, calls: 0 }));
  app.link.runOf = () => ({ resumed: true, instance: "i-1" });
  await app.runWatch.recall("Demo");
  assert.deepEqual([of("Demo").outcome, [...app.runs.value.keys()]], ["", ["r-1"]]);
});

test("what had failed or was stopped comes back as it was, with its source and its form", async () => {
  const { app, runner, core, tab } = startPage();
  const file = source({ name: "Demo" });
  core.onLoad = () => {
    throw new Error("invalid syntax");
  };
  await runner.load(file, { origin: "demo.html", values: { n: 1 } });
  core.onLoad = () => ({});
  await runner.load(source({ name: "Rest" }), { origin: "rest.html" });
  await runner.stop("Rest");
  app.plugins.change("Demo", (old) => ({ ...old, values: { n: 2 } }));
  app.rememberForReload();

  const anew = startPage({ tab });
  // A page that goes before it has brought anything back keeps it for the next one.
  anew.app.rememberPlugins();
  anew.core.onLoad = () => assert.fail("nobody asked to start it");
  restore(anew.app);
  const { state, failure, values, file: kept } = anew.of("Demo");
  assert.deepEqual([state, failure.message, values, kept.source], ["failed", "invalid syntax", { n: 2 }, file]);
  assert.equal(anew.of("Rest").state, "stopped");
  assert.deepEqual(recall(tab).map(({ name }) => name), ["Demo", "Rest"]);
});

test("what a person removes is not offered again", async () => {
  const { storage } = startPage();
  remember(storage, [{ name: "Demo", source: source({ name: "Demo" }), origin: "demo.html", tag: "" }]);
  const { app, runner } = startPage({ storage });
  await runner.load(source({ name: "Demo" }), { origin: "demo.html" });
  await runner.remove("Demo");
  assert.deepEqual(app.remembered.value, []);
});

test("plugins without a page, and those that are meant to be shared, can be attached to", async () => {
  const plugin = (name, more) => ({ name, instance: `i-${name}`, tag: "", id: null, state: "ready", flags: [], attended: false, ...more });
  const plugins = [
    plugin("free"),
    plugin("used", { attended: true }),
    plugin("shared", { attended: true, flags: ["allow-detach"] }),
    plugin("own", { id: "own_1" }),
    plugin("here"),
    plugin("stopped here"),
    plugin("building", { state: "preparing" }),
  ];
  const records = { here: { state: "ready" }, "stopped here": { state: "stopped" } };
  const app = {
    elsewhere: new Observable([]),
    plugins: { get: (name) => records[name] },
    link: { state: "online", status: async () => ({ plugin_processes: plugins }) },
  };
  await lookElsewhere(app);
  assert.deepEqual(app.elsewhere.value.map(({ name }) => name), ["free", "shared", "stopped here"]);
  app.link.state = "offline";
  await lookElsewhere(app);
  assert.deepEqual(app.elsewhere.value, []);
});

test("a run that is over stays so, whatever is told late", () => {
  const done = { ...RUN, state: "done", ended: 3 };
  const late = { ...RUN, state: "running", ended: null };
  assert.equal(withRun(withRun(new Map(), done), late).get(RUN.id).state, "done");
  assert.equal(withRun(withRun(new Map(), late), done).get(RUN.id).state, "done");
});
