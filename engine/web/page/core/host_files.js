/** showFileDialog and exportFile as plugins call them. */

import { CancelledError } from "../state/dialogs.js";
import { isOlder } from "../plugin_file/versions.js";

/** @typedef {import("./owners.js").CorePlugin} CorePlugin */
/** @typedef {import("../app.js").App} App */

/**
 * @typedef {object} Chosen
 * @property {string} path
 * @property {string} name
 * @property {"file" | "dir"} type
 * @property {string} [url]
 * @property {string} file_manager
 */

/**
 * @param {App} app
 * @param {() => import("./start.js").ImJoy} imjoyOf
 */
export function hostFiles(app, imjoyOf) {
  return {
    /** @param {CorePlugin} plugin @param {any} [options] */
    async showFileDialog(plugin, options) {
      const config = { ...options };
      const { fm } = imjoyOf();
      const wanted = config.file_manager ?? config.engine ?? plugin?.api?.FILE_MANAGER_URL;
      const manager = typeof wanted === "string" ? fm.getFileManagerByUrl(wanted) : wanted;
      if (typeof wanted === "string" && !manager) throw new Error(`There is no file manager at ${wanted}.`);
      const managers = config.hide_unselected && manager ? [manager] : fm.fileManagers;
      if (managers.length === 0) throw new Error("No file manager is connected: the engine is offline.");
      if (manager?.api?.showFileDialog) return manager.api.showFileDialog(config);
      return shapeOf(plugin, config, app.dialogs.ask("files", {
        from: app.ownerOf(plugin),
        title: config.title ?? "",
        managers,
        manager: manager ?? managers[0],
        root: config.root ?? plugin?.config?.work_dir ?? "",
        type: config.type === "dir" ? "directory" : (config.type ?? "any"),
        single: config.mode === "single",
      }, app.ownerOf(plugin)));
    },
    /** @param {CorePlugin} _plugin @param {any} file @param {string} [name] */
    async exportFile(_plugin, file, name) {
      const blob = await blobOf(file);
      saveBlob(blob, name || file?.name || file?._name || "export");
    },
  };
}

/** Offer a file to the person as a download. @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const url = URL.createObjectURL(blob);
  saveUrl(url, name);
  // The browser reads the address after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @param {string} url @param {string} name */
export function saveUrl(url, name) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
}

/**
 * The answer's shape changed twice in ImJoy's history: a path, an object, a list.
 * @param {CorePlugin} plugin @param {any} config @param {Promise<Chosen[]>} asked
 */
async function shapeOf(plugin, config, asked) {
  const version = plugin?.config?.api_version ?? "0.1.8";
  const asObject = config.return_object ?? !isOlder(version, "0.1.4");
  const asList = !isOlder(version, "0.1.8");
  const many = (/** @type {Chosen[]} */ chosen) => chosen.length !== 1 || config.mode === "multiple";
  try {
    const chosen = await asked;
    if (asList) return chosen;
    if (!asObject) return many(chosen) ? chosen.map(addressOf(config)) : addressOf(config)(chosen[0]);
    if (!many(chosen)) return { ...chosen[0], ...(config.uri_type === "url" ? { type: "imjoy/url" } : {}) };
    const [{ file_manager }] = chosen;
    return { path: chosen.map(({ path }) => path), url: chosen.map(({ url }) => url), file_manager };
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    if (asList) return [];
    if (asObject) return null;
    throw error;
  }
}

/** @param {any} config */
function addressOf(config) {
  return (/** @type {Chosen} */ item) => (config.uri_type === "url" ? item.url : item.path);
}

/** @param {any} file a text, bytes, a File, or an array with its shape */
async function blobOf(file) {
  if (file instanceof Blob) return file;
  if (typeof file === "string") return new Blob([file], { type: "text/plain;charset=utf-8" });
  if (file instanceof ArrayBuffer || ArrayBuffer.isView(file)) {
    return new Blob([/** @type {BlobPart} */ (file)]);
  }
  if (file?._rvalue instanceof ArrayBuffer) return new Blob([file._rvalue]);
  if (typeof file?.read === "function") return blobOf(await file.read());
  throw new Error("exportFile takes a text, bytes or a file.");
}
