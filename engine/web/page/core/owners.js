/** Which plugin of the page a caller of the core's API belongs to. */

/** @typedef {any} CorePlugin a DynamicPlugin of the core, or null for the page itself */

const ROOT_ID = "imjoy-root";

/**
 * Return the name of the caller's plugin, or "". The instance of a window plugin carries the name
 * of its window; its `_id` still says where it comes from.
 * @param {CorePlugin} caller
 * @param {string[]} known names of the plugins on the page
 */
export function ownerOf(caller, known) {
  if (!caller || caller.id === ROOT_ID) return "";
  const name = String(caller.name ?? "");
  if (known.includes(name)) return name;
  const origin = caller.config?._id;
  return known.find((candidate) => candidate.replaceAll(" ", "_") === origin) ?? name;
}
