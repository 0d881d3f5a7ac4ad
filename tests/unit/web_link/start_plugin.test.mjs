import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { NEVER } from "./support/worker.mjs";
import {
  coreApi,
  eventually,
  FakeUtils,
  linkTo,
  PAGE_URL,
  pluginConfig,
  rejection,
  started,
} from "./support/page.mjs";

/** A plugin that starts, and `exports` besides an empty setup. */
function engineWith(exports = {}, more = {}) {
  return new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports }, ...more } });
}

test("a plugin starts in the documented order and its functions answer", async () => {
  const engine = engineWith({ double: (_worker, [value]) => value * 2 });
  const link = await linkTo(engine);
  const { plugin, worker } = await started(engine, link);
  assert.equal(await plugin.double(21), 42);
  assert.deepEqual(
    worker.received.map(({ type }) => type),
    ["initialize", "setInterface", "execute", "getInterface", "interfaceSetAsRemote", "method"],
  );
  assert.equal(worker.received[0].config.name, "Plugin");
});

test("the engine is told what it needs of the config, and nothing else", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const circular = {};
  circular.self = circular;
  const config = pluginConfig("Plugin", { engine: circular, odd: circular, docs: {}, run() {} });
  await started(engine, link, "Plugin", { config });
  const [{ id, config: sent }] = engine.requestsOf("init_plugin");
  assert.equal(id, "Plugin_1");
  assert.deepEqual(
    Object.keys(sent).sort(),
    ["code", "id", "name", "requirements", "tag", "type", "version", "workspace"],
  );
});

test("the plugin is told where it runs, since the core tells it nothing", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const core = coreApi();
  const config = pluginConfig("Plugin", { tag: "GPU" });
  const { plugin, worker } = await started(engine, link, "Plugin", { config, api: core.api });
  assert.equal(worker.api.FILE_MANAGER_URL, PAGE_URL);
  assert.equal(worker.api.ENGINE_URL, PAGE_URL);
  const { name, tag, engine: url, file_manager: files, work_dir: dir } = worker.api.config;
  assert.deepEqual(
    [name, tag, url, files, dir],
    ["Plugin", "GPU", PAGE_URL, PAGE_URL, "/data/default"],
  );
  assert.equal(plugin.FILE_MANAGER_URL, PAGE_URL);
  assert.equal(config.work_dir, "/data/default");
});

test("a script goes with the name and the line that its traceback will show", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const { worker } = await started(engine, link);
  const [{ filename, first_line: line, lang, type }] = worker.executed;
  assert.deepEqual([filename, line, lang, type], ["Plugin.imjoy.html", 5, "python", "script"]);
});

test("a script that fails is what setup throws, and its process is ended", async () => {
  const trace = 'File "Plugin.imjoy.html", line 7, in <module>\nNameError: name \'x\' is not defined';
  const engine = engineWith(
    {},
    {
      scripts: () => {
        throw new Error(trace);
      },
    },
  );
  const link = await linkTo(engine);
  const { plugin, utils } = await started(engine, link);
  const error = await rejection(plugin.setup());
  assert.match(String(error), /line 7[\s\S]*NameError/);
  await eventually(() => engine.workers.size === 0, "the plugin's process is ended");
  assert.equal(utils.terminated, 0, "the core ends what it started by itself");
});

test("an environment that cannot be built is what setup throws", async () => {
  const engine = engineWith({}, { manual: true });
  const link = await linkTo(engine);
  const starting = started(engine, link);
  await eventually(() => engine.workers.size === 1, "the plugin is asked for");
  const [worker] = engine.workers.values();
  const error = {
    code: "build-failed",
    message: "There is no package nunpy.",
    hint: "Check its name.",
    log_tail: "× No solution found",
  };
  worker.event("state", { state: "failed", error });
  const { plugin } = await starting;
  const thrown = await rejection(plugin.setup());
  assert.equal(String(thrown), "There is no package nunpy. Check its name.");
  assert.equal(thrown.logTail, "× No solution found");
  assert.equal(thrown.code, "build-failed");
});

test("a plugin that the engine refuses is what setup throws", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  engine.answers.init_plugin = { success: false, error: "Too many plugins.", code: "too-many" };
  const { plugin } = await started(engine, link);
  assert.equal(String(await rejection(plugin.setup())), "Too many plugins.");
});

test("a plugin without a script, or with a foreign one, never reaches the engine", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const none = await started(engine, link, "Plugin", {
    config: pluginConfig("Plugin", { scripts: [] }),
  });
  assert.match(String(await rejection(none.plugin.setup())), /has no script/);
  const foreign = [{ type: "script", content: "x", attrs: { lang: "javascript" } }];
  const other = await started(engine, link, "Plugin", {
    config: pluginConfig("Plugin", { scripts: foreign }),
  });
  assert.match(String(await rejection(other.plugin.setup())), /javascript/);
  assert.deepEqual(engine.requestsOf("init_plugin"), []);
});

test("a process that dies during a call rejects it and every later one", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  const { plugin, worker, utils } = await started(engine, link);
  const pending = rejection(plugin.wait());
  await eventually(() => worker.received.at(-1).name === "wait", "the call arrives");
  worker.die({ exit_code: null, signal: "SIGSEGV", words: "segmentation fault (SIGSEGV)" });
  const error = await pending;
  assert.equal(
    error.message,
    'The plugin "Plugin" has ended: segmentation fault (SIGSEGV). Reload it to start it again.\n' +
      "Its last lines:\nTraceback\nboom",
  );
  assert.equal((await rejection(plugin.wait())).message, error.message);
  await eventually(() => utils.terminated === 1, "the core is told");
  assert.deepEqual(utils.running, [true, false, false]);
});

test("a process that was ended for a reason says what to do about that", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  const { plugin, worker } = await started(engine, link);
  const pending = rejection(plugin.wait());
  await eventually(() => worker.received.at(-1).name === "wait", "the call arrives");
  worker.die({ signal: "SIGKILL", words: "stopped at its limit of memory (1 GB)", hint: "Raise limits.memory." });
  const { message, hint } = await pending;
  assert.match(message, /^The plugin "Plugin" has ended: stopped at its limit of memory \(1 GB\)\. Raise limits\.memory\.\n/);
  assert.equal(hint, "Raise limits.memory.");
});

test("a process that dies during setup rejects setup", async () => {
  const engine = engineWith({ setup: (worker) => worker.die({ exit_code: 3, words: "exited with code 3" }) });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  assert.match(String(await rejection(plugin.setup())), /exited with code 3/);
});

test("a process that dies while its script runs is what setup throws", async () => {
  const engine = engineWith(
    {},
    { scripts: (_code, worker) => worker.die({ exit_code: 1, signal: null, words: "exited with code 1" }) },
  );
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  assert.match(String(await rejection(plugin.setup())), /exited with code 1[\s\S]*boom/);
});

test("a peer that nobody knows any more ends the plugin", async () => {
  const engine = engineWith({ run: () => 1 });
  const link = await linkTo(engine);
  const { plugin, worker, utils } = await started(engine, link);
  engine.workers.delete(worker.peer);
  assert.match(String(await rejection(plugin.run())), /There is no peer/);
  await eventually(() => utils.terminated === 1, "the core is told");
});

test("exit ends the process and then rejects what still waits", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  const pending = rejection(plugin.wait());
  await plugin.exit();
  assert.deepEqual(engine.requestsOf("kill_plugin"), [{ id: "Plugin_1" }]);
  assert.match(String(await pending), /was stopped/);
  await plugin.exit();
  assert.equal(engine.requestsOf("kill_plugin").length, 1);
});

test("a start can be stopped while its environment is being built", async () => {
  const engine = engineWith({}, { manual: true });
  const link = await linkTo(engine);
  const starting = started(engine, link);
  await eventually(() => engine.workers.size === 1, "the plugin is asked for");
  await link.killPlugin("Plugin_1");
  const { plugin } = await starting;
  assert.match(String(await rejection(plugin.setup())), /was stopped/);
  assert.equal(engine.workers.size, 0);
});

test("a greeting that comes before the answer to init_plugin is not lost", async () => {
  const engine = engineWith({}, { manual: true, initialState: "ready" });
  const init = engine.init_plugin.bind(engine);
  engine.init_plugin = (payload) => {
    const answer = init(payload);
    [...engine.workers.values()].at(-1).start();
    return answer;
  };
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.setup(), null);
});

test("a script that exports nothing is what setup throws, unless it does so soon after", async () => {
  const message = "The script has run to its end without api.export(...).";
  const complaint = { type: "error", code: "nothing-exported", message };
  const engine = engineWith();
  for (const [pending, exportS] of [[true, 0.01], [false, 1000]]) {
    engine.behaviours.Plugin.scripts = (_code, worker) => {
      worker.on_getInterface = () => worker.send({ ...complaint, pending });
    };
    const { plugin } = await started(engine, await linkTo(engine, { exportS }));
    const error = await rejection(plugin.setup());
    assert.deepEqual([error.sentence, error.code], [message, "nothing-exported"]);
  }
  const link = await linkTo(engine, { exportS: 0.01 });
  engine.behaviours.Plugin.scripts = (_code, worker) => {
    worker.on_getInterface = () => {
      worker.send({ type: "error", message: "what the plugin itself says" });
      worker.send({ ...complaint, pending: true });
      worker.send({ type: "setInterface", api: worker.exported() });
    };
  };
  const late = await started(engine, link);
  assert.equal(await late.plugin.setup(), null);
});

test("a plugin that runs already is resumed: no script runs again", async () => {
  const engine = engineWith({ run: () => 5 }, { resumed: true });
  const link = await linkTo(engine);
  const config = pluginConfig();
  const { plugin, worker } = await started(engine, link, "Plugin", { config });
  assert.equal(config.resumed, true);
  assert.deepEqual(worker.executed, []);
  assert.equal(await plugin.resume(), undefined);
  assert.equal(await plugin.run(), 5);
});

test("loading the same plugin anew ends its earlier process, and the core goes on", async () => {
  const engine = engineWith({ run: (worker) => worker.instance });
  const link = await linkTo(engine);
  const first = await started(engine, link);
  const second = await started(engine, link);
  assert.notEqual(await second.plugin.run(), first.worker.instance);
  assert.equal(first.worker.dead, true);
  assert.equal(first.utils.terminated, 0);
  assert.equal(engine.workers.size, 1);
});

test("what the plugin exports later replaces its functions in the same object", async () => {
  const engine = engineWith({ old: () => 1 });
  const link = await linkTo(engine);
  const { plugin, worker } = await started(engine, link);
  plugin.config = { id: "from the core" };
  worker.behaviour.exports = { fresh: () => 2 };
  worker.on_getInterface();
  await eventually(() => plugin.fresh !== undefined, "the new function is there");
  assert.equal(await plugin.fresh(), 2);
  assert.equal(plugin.old, undefined);
  assert.deepEqual(plugin.config, { id: "from the core" });
  await plugin.exit();
  assert.equal(worker.dead, true);
});

test("a plugin that disconnects itself is ended, and the core is told", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const { worker, utils } = await started(engine, link);
  worker.send({ type: "disconnect" });
  await eventually(() => worker.dead && utils.terminated === 1, "the plugin is ended");
});

test("the core's functions can be called, answer, and say what is wrong", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const core = coreApi({
    fail: async () => {
      throw "a text, as the core throws them";
    },
  });
  const { worker } = await started(engine, link, "Plugin", { api: core.api });
  assert.equal(await worker.call(worker.api.alert, "me"), "you saw me");
  assert.equal(await worker.call(worker.api.utils.sleep), "slept");
  const error = await rejection(worker.call(worker.api.fail));
  assert.equal(error._rtype, "error");
  assert.match(error._rvalue, /a text, as the core/);
});

test("what a worker says beside its calls goes to the plugin's log", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const { worker, heard } = await started(engine, link);
  worker.send({ type: "log", message: "by the way" });
  await eventually(() => heard.length > 0, "the log has it");
  assert.deepEqual(heard, [["log", "by the way"]]);
});

test("the events of a plugin reach the page with its name, to the last", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const seen = [];
  link.on("plugin", ({ name, event, state }) => seen.push([name, event, state]));
  const { worker } = await started(engine, link);
  worker.event("log", { stream: "stdout", text: "hello" });
  worker.die({ exit_code: 0, signal: null, words: "finished" });
  assert.deepEqual(seen, [
    ["Plugin", "state", "starting"],
    ["Plugin", "state", "ready"],
    ["Plugin", "log", undefined],
    ["Plugin", "exit", undefined],
    ["Plugin", "state", "stopped"],
  ]);
});

test("the RPC class is loaded once, and again after a failure", async () => {
  const engine = engineWith();
  let attempts = 0;
  const { RPC } = await import("./support/page.mjs");
  const loadRPC = async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("offline");
    return RPC;
  };
  const link = await linkTo(engine, { loadRPC });
  const failed = await started(engine, link);
  assert.match(String(await rejection(failed.plugin.setup())), /offline/);
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.setup(), null);
  await link.startPlugin(pluginConfig("Plugin", { id: "other" }), coreApi().api, new FakeUtils());
  assert.equal(attempts, 2);
});
