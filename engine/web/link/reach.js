/** What another end can reach of an object that was handed to it. */

/**
 * Return the function at `path` and the object that it belongs to, through what the object itself
 * or its class has; null where there is none.
 * @param {any} object
 * @param {unknown} path
 * @returns {{method: (...args: any[]) => any, owner: any} | null}
 */
export function reach(object, path) {
  if (typeof path !== "string") return null;
  let owner = object;
  let value = object;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !isMember(value, name)) return null;
    owner = value;
    value = value[name];
  }
  return typeof value === "function" ? { method: value, owner } : null;
}

/**
 * @param {object} object
 * @param {string} name
 * @returns {boolean}
 */
function isMember(object, name) {
  if (name === "constructor" || name === "__proto__") return false;
  const inherited = Object.getPrototypeOf(object);
  return (
    Object.hasOwn(object, name) ||
    (inherited !== null && inherited !== Object.prototype && Object.hasOwn(inherited, name))
  );
}
