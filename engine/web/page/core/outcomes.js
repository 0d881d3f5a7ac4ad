/** How a run ended, in a few words. */

const MAX_RESULT_CHARS = 200;

/** A short result stands beside the time that it took. @param {unknown} result */
export function resultWords(result) {
  if (!["string", "number", "boolean", "bigint"].includes(typeof result)) return ".";
  const words = String(result);
  return words.length > MAX_RESULT_CHARS ? "." : `: ${words}`;
}
