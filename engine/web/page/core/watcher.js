/** Keeps the plugins' records true: what the core and the engine tell of them, whoever asked for it. */

import { checkPluginFile } from "../plugin_file/check.js";
import { applyEvent, BY_PLUGIN, ENGINE_TYPES, enter, hasEnded, isUp, newRecord } from "../state/records.js";
import { percentOf, timeOf } from "../text/format.js";
import { Consents } from "./consents.js";
import { hasRun, livePlugin } from "./live.js";
import { keepWaiting } from "./patience.js";

/** @typedef {import("../app.js").App} App */

/** In these states nobody is there who would hear what is answered to a plugin's questions. */
const GONE = new Set(["stopped", "failed", "backoff"]);
const SMALL_TALK = /^(<|Running plugin with plugin engine)/;

export class Watcher {
  /** @param {App} app @param {import("./start.js").ImJoy} imjoy */
  constructor(app, imjoy) {
    this.app = app;
    this.imjoy = imjoy;
    this.consents = new Consents(app);
    imjoy.event_bus.on("plugin_loaded", (/** @type {any} */ plugin) => this.adopt(plugin));
    imjoy.event_bus.on("register", (/** @type {any} */ { plugin, config }) => this.addOperation(plugin, config));
    imjoy.event_bus.on("engine_disconnected", () => this.onEngineLost());
    imjoy.event_bus.on("show_message", (/** @type {unknown} */ text) => this.onCoreMessage(text));
  }

  /** Take in what the engine says of a plugin. @param {any} event */
  onEngineEvent(event) {
    const { plugins, logs } = this.app;
    const core = this.imjoy.pm.plugins[event.id];
    if (core) keepWaiting(core);
    const current = this.imjoy.pm.plugin_names[event.name];
    // The last words of an instance that was replaced are not about the one on the card.
    if (current && current.id !== event.id && event.event !== "log") return;
    this.consents.hear(event);
    if (event.event === "state" && GONE.has(event.state)) this.app.dialogs.cancelAllOf(event.name);
    if (event.event === "log") {
      const stream = event.stream === "stderr" ? "stderr" : "stdout";
      logs.of(event.name).write(stream, String(event.text), timeOf(event.time_s));
    }
    if (event.event === "exit") logs.of(event.name).add("note", exitWords(event.words));
    if (event.event === "state" && event.state === "stopped" && event.detail) logs.of(event.name).add("note", event.detail);
    if (event.event === "progress" && event.message) logs.of(event.name).step(event);
    const before = plugins.get(event.name);
    plugins.change(event.name, (old) => applyEvent(old, this.asSeen(event), Date.now()));
    const { state, failure } = plugins.get(event.name) ?? {};
    if (state === "failed" && before?.state !== "failed" && failure) this.app.sayFailed(event.name, failure);
    const restart = before?.restart;
    if (restart?.id === event.id && event.event === "state" && event.state === "ready") {
      void this.app.runner?.bringUpAgain(event.name);
    }
  }

  /** Keep what the core says, but for failures, which stand on the cards, and its small talk. @param {unknown} text */
  onCoreMessage(text) {
    if (typeof text === "string" && !SMALL_TALK.test(text)) this.app.messages.show(text, { quiet: true });
  }

  /** The core has let go of the engine's plugins; it starts them again when the engine is back. */
  onEngineLost() {
    const { plugins, dialogs } = this.app;
    const failure = {
      message: "The connection to the engine was lost, and the plugin with it.",
      hint: "It starts again by itself when the engine is back.",
      logTail: "",
    };
    for (const record of plugins.records.value.values()) {
      if (hasEnded(record) || !ENGINE_TYPES.includes(record.file.type)) continue;
      dialogs.cancelAllOf(record.name);
      plugins.change(record.name, (old) => enter(old, "stopped", Date.now(), { failure }));
    }
  }

  /** The worker is ready before the plugin is: its script and its setup still have to run. @param {any} event */
  asSeen(event) {
    if (event.event !== "state" || event.state !== "ready" || livePlugin(this.imjoy, event.name)) return event;
    return { ...event, state: "starting", detail: "Running its script and its setup" };
  }

  /** The plugin's own progress bar. @param {string} name @param {unknown} value */
  setBar(name, value) {
    const percent = percentOf(value);
    this.app.plugins.change(name, (old) => ({ ...old, bar: percent === 100 ? null : percent }));
  }

  /** The core says only that something changed: look which plugins compute. */
  refreshBusy() {
    for (const record of this.app.plugins.records.value.values()) {
      const busy = Boolean(livePlugin(this.imjoy, record.name)?.running);
      if (busy !== record.busy) this.app.plugins.change(record.name, (old) => ({ ...old, busy }));
    }
  }

  /** A plugin came up, perhaps one that another plugin loaded. @param {any} plugin */
  adopt(plugin) {
    const { plugins } = this.app;
    const { name, code } = plugin.config;
    if (this.imjoy.pm.plugin_names[name] !== plugin) return;
    if (!plugins.get(name)) {
      const checked = checkPluginFile(code ?? "", plugin.config.tag);
      if ("problem" in checked) return;
      plugins.put(newRecord(checked.plugin, BY_PLUGIN, Date.now()));
    }
    const canRun = hasRun(plugin);
    plugins.change(name, (old) => ({ ...(isUp(old) ? old : enter(old, "ready", Date.now())), canRun }));
  }

  /** @param {any} plugin @param {any} config */
  addOperation(plugin, config) {
    if (!plugin?.name || config.name === plugin.name || typeof config.run !== "function") return;
    if (config.type && !["operator", "@operator"].includes(config.type)) return;
    this.app.plugins.change(plugin.name, (old) => ({
      ...old,
      operations: [
        ...old.operations.filter((operation) => operation.name !== config.name),
        { name: config.name, ui: config.ui },
      ],
    }));
  }
}

/** @param {string} [words] how the process ended */
function exitWords(words) {
  return words === "finished" ? "The process has ended." : `The process ended: ${words || "no reason was given"}.`;
}
