/** The logs of all plugins, by plugin name. */

import { LogEntries } from "./log_entries.js";
import { Observable } from "./observable.js";

const REFRESH_MS = 80;

/** A log whose listeners hear of changes a few times a second, however fast a plugin writes. */
export class PluginLog extends LogEntries {
  constructor() {
    super();
    this.version = new Observable(0);
    /** How many of its errors nobody has read. */
    this.errors = new Observable(0);
    this.waiting = false;
  }

  /** Tell listeners soon that something was added. */
  touch() {
    if (this.waiting) return;
    this.waiting = true;
    setTimeout(() => {
      this.waiting = false;
      this.version.update((version) => version + 1);
    }, REFRESH_MS);
  }

  /** @override @param {import("./log_entries.js").LogEntry["kind"]} kind @param {string} text @param {number} [time] */
  add(kind, text, time = Date.now()) {
    super.add(kind, text, time);
    if (kind === "error") this.errors.update((count) => count + 1);
    this.touch();
  }

  /** @override @param {"stdout" | "stderr"} stream @param {string} text @param {number} [time] */
  write(stream, text, time = Date.now()) {
    super.write(stream, text, time);
    this.touch();
  }

  /** @override @param {{text: string, time: number}[]} parts */
  recall(parts) {
    super.recall(parts);
    this.touch();
  }

  /** @override @param {import("./log_entries.js").BuildStep} step @param {number} [time] */
  step(step, time = Date.now()) {
    super.step(step, time);
    this.touch();
  }

  /** @override */
  clear() {
    super.clear();
    this.errors.set(0);
    this.touch();
  }
}

export class Logs {
  constructor() {
    /** @type {Map<string, PluginLog>} */
    this.byName = new Map();
    /** The plugin whose log is open, or null. @type {Observable<string | null>} */
    this.shown = new Observable(/** @type {string | null} */ (null));
  }

  /** Return the log of a plugin; it is made when it is first asked for. @param {string} name */
  of(name) {
    const known = this.byName.get(name);
    if (known) return known;
    const log = new PluginLog();
    this.byName.set(name, log);
    return log;
  }

  /** @param {string} name */
  forget(name) {
    this.byName.delete(name);
    if (this.shown.value === name) this.shown.set(null);
  }
}
