/** The plugins of the last visit, so that a reload of the page does not lose them. */

const KEY = "imjoy-engine-plugins";
const MAX_CHARS = 2_000_000;

/**
 * @typedef {object} Remembered
 * @property {string} name
 * @property {string} source
 * @property {string} origin
 * @property {string} tag
 * @property {Record<string, unknown>} [values] what was filled into its form
 * @property {Record<string, unknown>} [choices] what was decided about its environment
 * @property {"failed" | "stopped"} [ended] it did not run, and is not to be started by itself
 * @property {import("./records.js").Failure | null} [failure] why
 */

/** Return what is kept of a plugin. @param {import("./records.js").PluginRecord} record @returns {Remembered} */
export function rememberedOf({ name, origin, file, values, choices, state, failure }) {
  const kept = { name, origin, source: file.source, tag: file.tag, values, choices };
  if (state === "failed") return { ...kept, ended: "failed", failure };
  // One that stopped for a reason, as that its engine is away, is not one that a person has stopped.
  return state === "stopped" && failure === null ? { ...kept, ended: "stopped" } : kept;
}

/** @param {Storage} storage @returns {Remembered[]} */
export function recall(storage) {
  try {
    const list = JSON.parse(storage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter(isRemembered) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Keep the plugins for the next visit; too much source is not kept. @param {Storage} storage @param {Remembered[]} plugins */
export function remember(storage, plugins) {
  const text = JSON.stringify(plugins);
  if (text.length > MAX_CHARS) return;
  try {
    storage.setItem(KEY, text);
  } catch (error) {
    // A full or forbidden store: the page works without.
    if (!(error instanceof DOMException)) throw error;
  }
}

/** @param {unknown} item @returns {item is Remembered} */
function isRemembered(item) {
  if (typeof item !== "object" || item === null) return false;
  const fields = /** @type {Record<string, unknown>} */ (item);
  return ["name", "source", "origin", "tag"].every((key) => typeof fields[key] === "string");
}
