/** What a file manager says, as the file dialog shows it. Pure, apart from the manager's own calls. */

/**
 * @typedef {object} FileEntry
 * @property {string} name
 * @property {string} path
 * @property {"file" | "dir"} type
 * @property {number | null} size in bytes
 */

/**
 * @typedef {object} Listing
 * @property {string} path of the folder
 * @property {string} sep between folder names
 * @property {FileEntry[]} entries folders first
 */

/**
 * Return what is in a folder.
 * @param {any} manager a file manager of the core
 * @param {string} path "" for where the manager begins
 * @returns {Promise<Listing>}
 */
export async function listFolder(manager, path) {
  return listingOf(await manager.listFiles(path || undefined, "file", false));
}

/** @param {any} tree @returns {Listing} */
export function listingOf(tree) {
  const path = String(tree.path ?? "");
  const sep = typeof tree.sep === "string" && tree.sep ? tree.sep : path.includes("\\") ? "\\" : "/";
  /** @type {FileEntry[]} */
  const entries = (tree.children ?? []).map((/** @type {any} */ child) => ({
    name: String(child.name),
    path: child.path ? String(child.path) : joinPath(path, String(child.name), sep),
    type: child.type === "dir" || child.type === "directory" ? "dir" : "file",
    size: typeof child.size === "number" ? child.size : null,
  }));
  return { path, sep, entries: entries.sort(byTypeAndName) };
}

/** @param {string} folder @param {string} name @param {string} sep */
export function joinPath(folder, name, sep) {
  return folder.endsWith(sep) || folder === "" ? folder + name : folder + sep + name;
}

/**
 * Return the folders that lead to a path, the outermost first.
 * @param {string} path @param {string} sep
 * @returns {{name: string, path: string}[]}
 */
export function crumbsOf(path, sep) {
  const names = path.split(sep);
  const crumbs = names
    .map((name, at) => ({ name, path: names.slice(0, at + 1).join(sep) }))
    .filter(({ name }) => name !== "");
  return path.startsWith(sep) ? [{ name: sep, path: sep }, ...crumbs] : crumbs;
}

/** @param {FileEntry} one @param {FileEntry} other */
function byTypeAndName(one, other) {
  if (one.type !== other.type) return one.type === "dir" ? -1 : 1;
  return one.name.localeCompare(other.name, undefined, { numeric: true, sensitivity: "base" });
}
