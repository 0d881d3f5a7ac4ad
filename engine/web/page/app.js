/** Everything that the page's parts share, made once. */

import { ownerOf } from "./core/owners.js";
import { RunWatch } from "./core/run_watch.js";
import { Dialogs } from "./state/dialogs.js";
import { Logs } from "./state/logs.js";
import { Messages } from "./state/messages.js";
import { Observable } from "./state/observable.js";
import { Plugins } from "./state/plugins.js";
import { recall, remember, rememberedOf } from "./state/remembered.js";
import { BY_PLUGIN, hasEnded } from "./state/records.js";
import { Windows } from "./state/windows.js";

/**
 * @typedef {object} Connection
 * @property {"starting" | "connecting" | "online" | "offline" | "refused"} state
 * @property {string} message
 * @property {number} [retryAt] when a page that was refused tries again by itself, in milliseconds
 * @property {any} info what the engine says of itself, or null
 */

/**
 * @typedef {object} Template
 * @property {string} name
 * @property {string} type
 * @property {string} description
 * @property {string} path
 * @property {string} [icon]
 */

export class App {
  /** @param {Storage} storage what outlives the page @param {Storage | null} [tab] what outlives a reload */
  constructor(storage, tab = null) {
    this.storage = storage;
    this.tabStorage = tab;
    this.plugins = new Plugins();
    this.windows = new Windows();
    this.dialogs = new Dialogs();
    this.messages = new Messages();
    this.plugins.records.subscribe(() => this.clearStatus());
    this.logs = new Logs();
    /** @type {Observable<Connection>} */
    this.connection = new Observable(/** @type {Connection} */ ({ state: "starting", message: "", info: null }));
    this.connection.subscribe(() => void (this.connection.value.state === "online" && this.plugins.beginWaiting()));
    /** How many tokens a person has entered since this page was opened. */
    this.tokensTried = new Observable(0);
    /** @type {Observable<Template[]>} */
    this.templates = new Observable(/** @type {Template[]} */ ([]));
    /** What the page shows beside plugins and windows. @type {Observable<"" | "add" | "engine" | "messages">} */
    this.panel = new Observable(/** @type {"" | "add" | "engine" | "messages"} */ (""));
    /** On narrow screens one of the two is seen. @type {Observable<"plugins" | "windows">} */
    this.tab = new Observable(/** @type {"plugins" | "windows"} */ ("plugins"));
    /** What this tab had loaded before it was loaded anew. */
    this.before = tab ? recall(tab) : [];
    this.remembered = new Observable(recall(storage));
    /** What is known of the runs of this workspace, by id. */
    this.runs = new Observable(/** @type {Map<string, import("../link/run_records.js").RunRecord>} */ (new Map()));
    this.runWatch = new RunWatch(this);
    /** Plugins that run on the engine and not on this page. */
    this.elsewhere = new Observable(/** @type {import("./core/elsewhere.js").Elsewhere[]} */ ([]));
    /** @type {import("./core/runner.js").Runner | null} */
    this.runner = null;
    /** @type {import("./core/watcher.js").Watcher | null} */
    this.watcher = null;
    /** @type {any} the link to the engine, or null */
    this.link = null;
    /** @type {any} the core, once it runs */
    this.imjoy = null;
  }

  /** Return the plugin on whose behalf the core calls, or "". @param {any} caller */
  ownerOf(caller) {
    return ownerOf(caller, [...this.plugins.records.value.keys()]);
  }

  /** Tell of a plugin that has failed: its card may be out of sight. @param {string} name @param {import("./state/records.js").Failure} failure */
  sayFailed(name, { message }) {
    this.messages.show(message, { from: name, kind: "error", isPlain: true });
  }

  /** What a plugin says of itself goes with it. */
  clearStatus() {
    const { statusFrom } = this.messages;
    const record = this.plugins.get(statusFrom);
    if (statusFrom && (!record || hasEnded(record))) this.messages.unsay(statusFrom);
  }

  /** Keep what is on the page, also what failed, for a reload and for the next visit. */
  rememberPlugins() {
    remember(this.storage, this.toRemember());
    this.rememberForReload();
  }

  /** Keep what is on the page, with what is filled in, for this tab: others may show something else. */
  rememberForReload() {
    if (this.tabStorage) remember(this.tabStorage, this.toRemember());
  }

  toRemember() {
    const records = this.plugins.records.value;
    const waiting = this.before.filter(({ name }) => !records.has(name));
    const brought = [...records.values()].filter((record) => record.origin !== BY_PLUGIN);
    return [...waiting, ...brought.map(rememberedOf)];
  }
}
