/** The plugins on the page, by name: the core knows each name once. */

import { Observable } from "./observable.js";

/** @typedef {import("./records.js").PluginRecord} PluginRecord */
/** @typedef {import("../plugin_file/config.js").Problem} Problem */

/**
 * A file that could not be loaded at all.
 * @typedef {Problem & {id: number, origin: string}} Refusal
 */

export class Plugins {
  constructor() {
    /** @type {Observable<Map<string, PluginRecord>>} */
    this.records = new Observable(/** @type {Map<string, PluginRecord>} */ (new Map()));
    /** @type {Observable<Refusal[]>} */
    this.refusals = new Observable(/** @type {Refusal[]} */ ([]));
    /** The plugin that a person has brought last and not yet turned away from, or "". */
    this.brought = new Observable("");
    this.nextId = 1;
  }

  /** @param {string} name */
  get(name) {
    return this.records.value.get(name);
  }

  /** Add a plugin, or replace the one of its name where it stands. @param {PluginRecord} record */
  put(record) {
    this.records.update((records) => new Map(records).set(record.name, record));
  }

  /** Change a plugin that is still there. @param {string} name @param {(record: PluginRecord) => PluginRecord} change */
  change(name, change) {
    const record = this.get(name);
    if (record) this.put(change(record));
  }

  /** What was asked for while the engine was away is under way. */
  beginWaiting() {
    for (const { name, waiting } of this.records.value.values()) {
      if (waiting > 0) this.change(name, (old) => ({ ...old, waiting: 0 }));
    }
  }

  /** @param {string} name */
  remove(name) {
    this.records.update((records) => {
      const rest = new Map(records);
      rest.delete(name);
      return rest;
    });
  }

  /** Tell the person that a file is not loaded, and why. @param {Problem} problem @param {string} origin */
  refuse(problem, origin) {
    const refusal = { ...problem, origin, id: this.nextId };
    this.nextId += 1;
    this.refusals.update((refusals) => [...refusals.filter((old) => old.origin !== origin), refusal]);
  }

  /** What was refused from there has been put right. @param {string} origin */
  accept(origin) {
    this.refusals.update((refusals) => refusals.filter((old) => old.origin !== origin));
  }

  dismissAllRefusals() {
    this.refusals.set([]);
  }

  /** @param {number} id */
  dismissRefusal(id) {
    this.refusals.update((refusals) => refusals.filter((refusal) => refusal.id !== id));
  }
}
