/** Brings back what this tab had loaded, and finds what runs on the engine without this page. */

import { checkPluginFile } from "../plugin_file/check.js";
import { enter, hasEnded, newRecord } from "../state/records.js";

/** @typedef {import("../app.js").App} App */

/**
 * A plugin of the workspace that runs on the engine and that this page does not use.
 * @typedef {object} Elsewhere
 * @property {string} instance
 * @property {string} name
 * @property {string} tag
 * @property {boolean} attended whether another client is connected to it
 */

const MEANT_TO_BE_SHARED = ["allow-detach", "single-instance"];

/**
 * Load what the tab had before it was loaded anew; what still runs on the engine is attached to, and
 * what had failed or was stopped is there as it was, each with what it has done before.
 * @param {App} app
 */
export function restore(app) {
  for (const { name, source, origin, tag, values, choices, ended, failure } of app.before.splice(0)) {
    const checked = ended && checkPluginFile(source, tag, origin);
    if (checked && "plugin" in checked) {
      const record = newRecord(checked.plugin, origin, Date.now(), values, choices);
      app.plugins.put(enter(record, ended, Date.now(), { failure }));
      void app.runWatch.recall(name);
    } else void app.runWatch.recall(name, app.runner?.load(source, { origin, tag, values, choices, isBack: true }));
  }
}

/**
 * Attach again to plugins whose session was given up while the page was away, where they still run.
 * @param {App} app @param {Set<string>} names emptied here
 */
export async function returnTo(app, names) {
  if (names.size === 0) return;
  const { plugin_processes: running = [] } = await app.link.status().catch(() => ({}));
  for (const name of [...names]) {
    names.delete(name);
    const record = app.plugins.get(name);
    const runs = running.some((/** @type {any} */ plugin) => plugin.name === name && plugin.tag === record?.file.tag);
    if (record && runs) void app.runner?.reload(name);
  }
}

/** Look which plugins could be attached to. @param {App} app */
export async function lookElsewhere(app) {
  if (app.link?.state !== "online") return app.elsewhere.set([]);
  const { plugin_processes: running = [] } = await app.link.status().catch(() => ({}));
  const found = running.filter((/** @type {any} */ plugin) => {
    const isFree = !plugin.attended || MEANT_TO_BE_SHARED.some((flag) => plugin.flags?.includes(flag));
    return !plugin.id && isFree && plugin.state === "ready" && isFreeHere(app.plugins.get(plugin.name));
  });
  app.elsewhere.set(
    found.map((/** @type {any} */ { instance, name, tag, attended }) => ({ instance, name, tag, attended })),
  );
}

/** Whether a plugin could come to where the one of its name stands, if there is one. @param {import("../state/records.js").PluginRecord | undefined} record */
export function isFreeHere(record) {
  return record === undefined || hasEnded(record);
}

/** Attach to a plugin that runs. @param {App} app @param {Elsewhere} plugin */
export async function attach(app, { instance, name, tag }) {
  const origin = "running on the engine";
  app.elsewhere.update((all) => all.filter((each) => each.instance !== instance));
  try {
    const source = await app.link.sourceOf(instance);
    if (!source) {
      const message = `The file of "${name}" is not known to the engine.`;
      return app.plugins.refuse({ message, hint: "Load the file here: it attaches.", line: null }, origin);
    }
    app.link.attachNext(name, instance);
    await app.runner?.load(source, { origin, tag });
  } catch (error) {
    app.messages.show(`${name}: ${error instanceof Error ? error.message : error}`, { kind: "error" });
  }
}
