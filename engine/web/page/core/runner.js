/**
 * Loads, runs, stops and removes plugins through the core, as a person asks.
 *
 * What is not here: what plugins do by themselves (`watcher.js`), how the core learns of the engine
 * (`web/link`), and what a record looks like (`state/records.js`).
 */

import { checkPluginFile } from "../plugin_file/check.js";
import {
  ENGINE_TYPES,
  enter,
  failureOf,
  hasEnded,
  isStarting,
  MISSING_TYPES,
  newRecord,
  WAITING_FOR_ENGINE,
} from "../state/records.js";
import { explain, wordsOf } from "../text/errors.js";
import { formatDuration } from "../text/format.js";
import { engineComes } from "./engine_wait.js";
import { hasRun, livePlugin } from "./live.js";
import { calmEnd, isNoFailure, resultWords } from "./outcomes.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */
/** @typedef {{name: string, origin: string, tag?: string}} Start */

/** Why a run has no result that a person has cancelled. */
const CANCELLED = Symbol("cancelled");
const OFFLINE_PATIENCE_MS = 10_000;

export class Runner {
  /** @param {App} app @param {import("./start.js").ImJoy} imjoy */
  constructor(app, imjoy) {
    this.app = app;
    this.imjoy = imjoy;
    /** How long a plugin waits for an engine that cannot be reached. */
    this.patienceMs = OFFLINE_PATIENCE_MS;
    /** The last start of each plugin. @type {Map<string, {isStopped: boolean}>} */
    this.attempts = new Map();
    /** What gives up the runs of each plugin. @type {Map<string, AbortController>} */
    this.aborters = new Map();
  }

  /**
   * Load a plugin file. The outcome stands on its card, or among the refusals when there is none.
   * @param {string} source
   * @param {{origin: string, tag?: string, values?: Record<string, unknown>,
   *   choices?: Record<string, unknown>, isBack?: boolean}} from `values` fill its form, `choices` is
   *   what a person decided about its environment; without, those of before hold; `isBack`: it was
   *   on the page before, and nobody needs to be shown where it is
   */
  async load(source, { origin, tag = "", values, choices, isBack = false }) {
    const checked = checkPluginFile(source, tag, origin);
    if ("problem" in checked) {
      this.app.plugins.refuse(checked.problem, origin);
      this.app.tab.set("plugins");
      return;
    }
    const { plugin: file } = checked;
    this.app.plugins.accept(origin);
    const before = this.app.plugins.get(file.name);
    // On a small screen a new card would come behind the windows; the editor saves what has one.
    if (!before) this.app.tab.set("plugins");
    if (before && !hasEnded(before)) await this.stop(file.name);
    this.app.plugins.put(newRecord(file, origin, Date.now(), values ?? before?.values, choices ?? before?.choices));
    if (!isBack) this.app.plugins.brought.set(file.name);
    // A reload of the page may come before the plugin is up.
    this.app.rememberPlugins();
    await this.start(file.name);
  }

  /** Bring a plugin up again for which the engine has started a new process. @param {string} name */
  async bringUpAgain(name) {
    this.app.logs.of(name).add("note", "The engine has started it again.");
    this.forgetInCore(name);
    await this.start(name);
  }

  /** Start a plugin that is on the page. @param {string} name */
  async start(name) {
    const { plugins, connection, logs } = this.app;
    const record = plugins.get(name);
    if (!record) return;
    const { file } = record;
    if (MISSING_TYPES.includes(file.type)) return this.fail(name, noPyodide(file));
    if (ENGINE_TYPES.includes(file.type) && connection.value.state !== "online") {
      plugins.change(name, (old) => enter(old, "queued", Date.now(), { detail: WAITING_FOR_ENGINE }));
      // Meanwhile the person may have stopped, removed or replaced it.
      const isWanted = () => plugins.get(name)?.file === file && plugins.get(name)?.state === "queued";
      const online = await engineComes(connection, { patienceMs: this.patienceMs, isWanted });
      if (!isWanted()) return;
      if (!online) return this.fail(name, noEngine());
    }
    plugins.change(name, (old) => enter({ ...old, finished: [], outcome: "" }, "starting", Date.now()));
    // What was said before is of an earlier start.
    logs.of(name).errors.set(0);
    const attempt = { isStopped: false };
    this.attempts.set(name, attempt);
    try {
      await this.imjoy.pm.reloadPlugin({ code: file.code, tag: file.tag, origin: record.origin });
      // The core tells of it only when the plugin has a setup.
      const canRun = hasRun(livePlugin(this.imjoy, name));
      plugins.change(name, (old) => ({ ...(isStarting(old) ? enter(old, "ready", Date.now()) : old), canRun }));
      this.app.rememberPlugins();
      void this.app.runWatch.attached(name);
    } catch (error) {
      // A start that the person has stopped has not failed.
      if (attempt.isStopped) return;
      this.forgetInCore(name);
      if (isNoFailure(error)) {
        return plugins.change(name, (old) => (hasEnded(old) ? old : enter(old, "stopped", Date.now())));
      }
      this.fail(name, failureOf(error) ?? { message: wordsOf(error), hint: "", logTail: "" });
    }
  }

  /** Run a plugin, or one of its operations, with what its form says. @param {string} name @param {Record<string, unknown>} config @param {string} [operation] */
  async run(name, config, operation = "") {
    const { plugins, logs } = this.app;
    const plugin = livePlugin(this.imjoy, name);
    if (!plugin) return;
    const run = operation ? this.operationOf(plugin, operation) : plugin.api.run;
    if (typeof run !== "function") return this.endRun(name, "It exports no run function.", true);
    this.app.rememberPlugins();
    const { call, isCancellable } = this.cancellable(name, run);
    const waits = Number(this.isAway(name));
    plugins.change(name, (old) => ({
      ...old,
      calls: old.calls + 1,
      waiting: old.waiting + waits,
      outcome: "",
      outcomeFailed: false,
      isCancellable,
    }));
    const began = performance.now();
    const took = () => formatDuration((performance.now() - began) / 1000);
    try {
      const result = await call({ config, data: {} });
      this.endRun(name, `Finished in ${took()}${resultWords(result)}`, false);
      await this.showResult(name, result);
    } catch (error) {
      const calm = error === CANCELLED ? `Cancelled after ${took()}.` : calmEnd(error, plugins.get(name), took());
      if (calm) return this.endRun(name, calm, false);
      const { summary, story } = explain(error);
      logs.of(name).add("error", story);
      this.endRun(name, summary, true);
    }
  }

  /** Whether a plugin is on the engine and the engine is away. @param {string} name */
  isAway(name) {
    const { plugins, connection } = this.app;
    return ENGINE_TYPES.includes(plugins.get(name)?.file.type ?? "") && connection.value.state !== "online";
  }

  /** Give up the runs of a plugin that its functions can be told of; it lives on. @param {string} name */
  cancel(name) {
    this.aborters.get(name)?.abort(CANCELLED);
    this.aborters.delete(name);
    this.app.runWatch.cancel(name);
  }

  /**
   * Return a function that can be cancelled and reports to the plugin's card, if it is such a one.
   * @param {string} name @param {any} run
   */
  cancellable(name, run) {
    if (typeof run.withOptions !== "function") return { call: run, isCancellable: false };
    const aborter = this.aborters.get(name) ?? new AbortController();
    this.aborters.set(name, aborter);
    const onProgress = (/** @type {unknown[]} */ ...values) => {
      const words = values.filter((value) => typeof value === "string").join(" ");
      this.tellOfRun(name, { words, progress: values.find((value) => typeof value === "number") });
    };
    return { call: run.withOptions({ signal: aborter.signal, onProgress }), isCancellable: true };
  }

  /**
   * Say on a plugin's card how far its run is, while one is under way.
   * @param {string} name
   * @param {{words?: string, progress?: unknown}} said `progress` is a number, as in `api.progress`
   */
  tellOfRun(name, { words = "", progress }) {
    if (!this.app.plugins.get(name)?.calls) return;
    if (progress !== undefined) this.app.watcher?.setBar(name, progress);
    if (words) this.app.plugins.change(name, (old) => ({ ...old, outcome: words, outcomeFailed: false }));
  }

  /** Stop a plugin and everything it opened; true when nothing of it runs any more. @param {string} name */
  async stop(name) {
    const { plugins, dialogs, windows, link, messages } = this.app;
    const plugin = this.imjoy.pm.plugin_names[name];
    const record = plugins.get(name);
    const onEngine = ENGINE_TYPES.includes(record?.file.type ?? "");
    // The core has forgotten a plugin that has crashed; the engine has not, and would start it.
    const id = record?.restart?.id || plugin?.id;
    const attempt = this.attempts.get(name);
    if (attempt) attempt.isStopped = true;
    plugins.change(name, (old) => enter(old, "draining", Date.now()));
    dialogs.cancelAllOf(name);
    windows.closeAllOf(name);
    try {
      if (onEngine && id && link?.state === "online") await link.killPlugin(id);
    } catch (error) {
      messages.show(`${name}: ${wordsOf(error)}`, { kind: "error" });
    }
    this.forgetInCore(name);
    plugins.change(name, (old) => enter(old, "stopped", Date.now()));
    this.app.rememberPlugins();
  }

  /** Start a plugin anew, perhaps from other source or with another tag. @param {string} name @param {{source?: string, tag?: string}} [change] */
  async reload(name, { source, tag } = {}) {
    const record = this.app.plugins.get(name);
    if (!record) return;
    const { origin, file } = record;
    await this.load(source ?? file.source, { origin, tag: tag ?? file.tag, isBack: true });
  }

  /** Start a plugin anew with something decided about its environment. @param {string} name @param {Record<string, unknown>} choices */
  async retry(name, choices) {
    this.app.plugins.change(name, (old) => ({ ...old, choices: { ...old.choices, ...choices } }));
    await this.reload(name);
  }

  /** Stop a plugin and take it off the page. @param {string} name */
  async remove(name) {
    const record = this.app.plugins.get(name);
    if (record && !hasEnded(record)) await this.stop(name);
    this.app.plugins.remove(name);
    this.app.remembered.update((known) => known.filter((plugin) => plugin.name !== name));
    this.app.logs.forget(name);
    this.app.rememberPlugins();
  }

  /** @param {any} plugin @param {string} operation */
  operationOf(plugin, operation) {
    const [service] = this.imjoy.pm.getServices(null, { name: operation, providerId: plugin.id });
    return service?.run;
  }

  /** A result that is a window's description is shown as one, as in ImJoy. @param {string} name @param {any} result */
  async showResult(name, result) {
    if (typeof result !== "object" || result === null || result._rintf) return;
    const { type, data, config } = result;
    if (typeof type !== "string" || !data) return;
    await this.imjoy.api.createWindow({ name: result.name || name, type, data, config: config ?? {} });
  }

  /**
   * @param {string} name @param {string} outcome @param {boolean} outcomeFailed
   * @param {boolean} [wasCounted] whether the run is among the record's `calls`
   */
  endRun(name, outcome, outcomeFailed, wasCounted = true) {
    this.app.plugins.change(name, (old) => ({
      ...old,
      calls: Math.max(0, old.calls - Number(wasCounted)),
      waiting: Math.min(old.waiting, Math.max(0, old.calls - Number(wasCounted))),
      // Of a plugin that has ended its card tells why; a run that failed with it adds nothing.
      ...(hasEnded(old) && outcomeFailed ? {} : { outcome, outcomeFailed }),
      bar: null,
      isCancellable: old.calls > 1 && old.isCancellable,
    }));
    this.app.messages.unsaySoon(name);
    // Plugins forget to finish the page's progress bar.
    const records = [...this.app.plugins.records.value.values()];
    if (records.every((record) => record.calls === 0)) this.app.messages.progress.set(null);
  }

  /** @param {string} name @param {import("../state/records.js").Failure} failure */
  fail(name, failure) {
    this.app.logs.of(name).add("error", failure.logTail || failure.message);
    const { state, failure: known } = this.app.plugins.get(name) ?? {};
    // The engine's own account of the failure has a hint and the tool's words.
    if (state !== "failed" || !known) {
      this.app.plugins.change(name, (old) => enter(old, "failed", Date.now(), { failure }));
      this.app.sayFailed(name, failure);
    }
    this.app.rememberPlugins();
  }

  /** Else the core hands out the dead plugin, and starts it again at the next connection. @param {string} name */
  forgetInCore(name) {
    this.imjoy.pm.unloadPlugin({ name }, true);
  }
}

function noEngine() {
  return {
    message: "The engine is not connected, and this plugin runs on it.",
    hint: "Connect to the engine, then start the plugin.",
    logTail: "",
  };
}

/** @param {import("../plugin_file/check.js").PluginFile} file */
function noPyodide(file) {
  const others = file.tags.filter((tag) => tag !== file.tag);
  return {
    message: "This is a web-python plugin, and this engine does not carry Pyodide yet.",
    hint: others.length > 0 ? `Choose another tag: ${others.join(", ")}.` : "Use a native-python plugin.",
    logTail: "",
  };
}
