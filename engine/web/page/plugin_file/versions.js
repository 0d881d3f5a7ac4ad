/** Versions of the plugin API: numbers between dots. */

/** Return whether `version` comes before `other`. @param {string} version @param {string} other */
export function isOlder(version, other) {
  const mine = partsOf(version);
  const theirs = partsOf(other);
  for (let at = 0; at < Math.max(mine.length, theirs.length); at += 1) {
    const difference = (mine[at] ?? 0) - (theirs[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** @param {string} version */
function partsOf(version) {
  return version.split(".").map((part) => Number.parseInt(part, 10) || 0);
}
