/**
 * createWindow as plugins call it, in front of the core's.
 *
 * The core's own leaves the caller waiting for ever when a window cannot be made: what it would
 * trip over is found here first, and raised where the plugin awaits.
 */

import { checkPluginFile } from "../plugin_file/check.js";
import { namedOrSource } from "./host_dialogs.js";
import { BUILT_IN_TYPES } from "./window_types.js";

/** @typedef {import("./owners.js").CorePlugin} CorePlugin */
/** @typedef {import("./start.js").ImJoy} ImJoy */

const WINDOW_TYPES = ["window", "rpc-window"];
const CONNECT_MS = 60_000;

/**
 * @param {() => ImJoy} imjoyOf
 * @returns {(plugin: CorePlugin, given: any, extra?: any) => Promise<any>}
 */
export function hostCreateWindow(imjoyOf) {
  return async (plugin, given, extra) => {
    const { pm } = imjoyOf();
    const config = { ...(typeof given === "string" ? namedOrSource(given) : given), ...extra };
    if (!config.type && !config.src && config.ui) config.type = "imjoy/joy";
    checkFields(config);
    if (typeof config.src === "string") await loadSource(pm, config);
    checkType(pm, config);
    const api = await withinTime(pm.createWindow(plugin, config), config);
    return config.type.startsWith("imjoy/") ? withLiveRun(api, config) : api;
  };
}

/** What the core's schema refuses. @param {any} config */
function checkFields(config) {
  if (config.name !== undefined && config.name !== null) config.name = String(config.name);
  else delete config.name;
  if (config.config === undefined) delete config.config;
  else if (config.config !== null && (typeof config.config !== "object" || Array.isArray(config.config))) {
    throw new Error("createWindow: `config` must be an object.");
  }
  if (typeof config.data === "boolean") throw new Error("createWindow: `data` cannot be true or false.");
}

/** Load the window plugin that `src` holds or names; then it is a type like any other. @param {any} pm @param {any} config */
async function loadSource(pm, config) {
  const { src, tag, namespace } = config;
  const isText = src.includes("\n");
  if (!isText && !/\.imjoy\.html(\?|@|$)/.test(src)) {
    if (!/^https?:\/\//i.test(src)) throw new Error(`createWindow: cannot tell what "${src}" is.`);
    return;
  }
  const loaded = isText
    ? await pm.reloadPlugin({ code: checkedSource(src, tag), load_dependencies: true, tag, namespace })
    : await pm.reloadPluginRecursively({ uri: src, tag, namespace });
  delete config.src;
  config.type = loaded.name;
}

/** Return the source of a plugin, for the core; an Error says in one sentence what is wrong with it. @param {string} source @param {string} [tag] */
export function checkedSource(source, tag) {
  const checked = checkPluginFile(source, tag);
  if ("problem" in checked) throw new Error(`${checked.problem.message} ${checked.problem.hint}`.trim());
  return checked.plugin.code;
}

/** @param {any} pm @param {any} config */
function checkType(pm, config) {
  const { type, src } = config;
  if (typeof src === "string" && /^https?:\/\//i.test(src)) return;
  if (typeof type !== "string" || type === "") {
    throw new Error("createWindow needs a `type`: the name of a window plugin, or one such as imjoy/image.");
  }
  if (type.startsWith("imjoy/")) return checkBuiltIn(type);
  const known = pm.registered.windows[type];
  if (!known) throw new Error(`There is no window plugin named "${type}". Load it first.`);
  if (!WINDOW_TYPES.includes(known.type)) {
    throw new Error(`"${type}" is a ${known.type} plugin, not a window plugin.`);
  }
}

/** @param {string} type */
function checkBuiltIn(type) {
  if (BUILT_IN_TYPES.includes(type)) return;
  if (type === "imjoy/terminal") throw new Error("Windows of type imjoy/terminal are not available yet.");
  throw new Error(`There is no window type "${type}". The built-in ones are ${BUILT_IN_TYPES.join(", ")}.`);
}

/** A page elsewhere that knows nothing of ImJoy would never answer. @param {Promise<any>} made @param {any} config */
async function withinTime(made, config) {
  if (!config.src || config.passive) return made;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    const words = `The page ${config.src} did not answer within ${CONNECT_MS / 1000} s. If it knows nothing of ImJoy, pass passive=True.`;
    timer = setTimeout(() => reject(new Error(words)), CONNECT_MS);
  });
  try {
    return await Promise.race([made, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The core's `run` changes the window and shows nothing of it. @param {any} api @param {any} config */
function withLiveRun(api, config) {
  api.run = async (/** @type {Record<string, unknown>} */ changes) => {
    if (config.closed) throw new Error(`The window "${config.name}" is closed.`);
    for (const key of ["name", "data", "config", "ui"]) {
      if (changes && key in changes) config[key] = changes[key];
    }
    await config.refresh();
  };
  return api;
}
