/** How a run ended, in a few words. */

import { DIALOG_CANCELLED } from "../state/dialogs.js";

const MAX_RESULT_CHARS = 200;
/** A result of more items is not read through for a line on a card. */
const MAX_ITEMS = 30;
const MAX_DEPTH = 3;
const MAX_TEXT_CHARS = 80;
/** What ran on the engine is gone with it. */
const LOST = new Set(["session-lost", "engine-gone"]);

/** A short result stands beside the time that it took. @param {unknown} result */
export function resultWords(result) {
  if (result === undefined || result === null || typeof result === "function") return ".";
  if (typeof result === "string") return result && result.length <= MAX_RESULT_CHARS ? `: ${result}` : ".";
  const words = wordsOf(result, 0);
  if (words === "") return ".";
  return words.length > MAX_RESULT_CHARS ? `: ${words.slice(0, MAX_RESULT_CHARS)}…` : `: ${words}`;
}

/** @param {any} value @param {number} depth @returns {string} */
function wordsOf(value, depth) {
  if (typeof value === "string") {
    return JSON.stringify(value.length > MAX_TEXT_CHARS ? `${value.slice(0, MAX_TEXT_CHARS)}…` : value);
  }
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null) return String(value);
  if (value._rtype === "ndarray") return arrayWords(value._rshape, value._rdtype);
  if (value instanceof ArrayBuffer) return `${value.byteLength} bytes`;
  if (ArrayBuffer.isView(value)) return viewWords(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return depth < MAX_DEPTH ? `[${listed(value, (item) => wordsOf(item, depth + 1))}]` : "[…]";
  return recordWords(value, depth);
}

/** Nothing is said of objects that only a program can use. @param {any} value @param {number} depth */
function recordWords(value, depth) {
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value));
  if (!isPlain || value._rintf || value._rtype) return depth === 0 ? "" : "object";
  // The page shows it as a window.
  if (depth === 0 && typeof value.type === "string" && value.data) return "";
  if (depth >= MAX_DEPTH) return "{…}";
  return `{${listed(Object.entries(value), ([key, item]) => `${JSON.stringify(key)}: ${wordsOf(item, depth + 1)}`)}}`;
}

/** @template T @param {T[]} items @param {(item: T) => string} words */
function listed(items, words) {
  const shown = items.slice(0, MAX_ITEMS).map(words);
  return (items.length > MAX_ITEMS ? [...shown, "…"] : shown).join(", ");
}

/** @param {number[]} shape @param {string} dtype */
function arrayWords(shape, dtype) {
  return ["array", [...(shape ?? [])].join("×"), dtype].filter(Boolean).join(" ");
}

/** @param {ArrayBufferView} view */
function viewWords(view) {
  if (view instanceof DataView) return `${view.byteLength} bytes`;
  const dtype = view.constructor.name.replace("Array", "").toLowerCase();
  return arrayWords([/** @type {any} */ (view).length], dtype);
}

/**
 * Return how a run ended that did not fail by itself: a person has stopped its plugin, or closed the
 * dialog that it had asked with, or it was lost with the engine. "" when it has failed.
 * @param {unknown} error what the run ended with
 * @param {import("../state/records.js").PluginRecord | undefined} record its plugin's
 * @param {string} took for how long it ran, in words
 */
export function calmEnd(error, record, took) {
  const code = codeOf(error);
  if (LOST.has(code)) return `Lost after ${took}.`;
  // Whoever stops a plugin gives up its run: the list of runs says the same word.
  const isGivenUp = code === "plugin-stopped" || (record && isBeingStopped(record)) || isCancelled(error);
  return isGivenUp ? `Cancelled after ${took}.` : "";
}

/** @param {import("../state/records.js").PluginRecord} record */
function isBeingStopped({ state, failure }) {
  return state === "draining" || (state === "stopped" && failure === null);
}

/** Python's and ours carry the name; a frame's RPC keeps the words only. @param {unknown} error */
function isCancelled(error) {
  if (!(error instanceof Error)) return String(error).endsWith(DIALOG_CANCELLED);
  return error.name === "CancelledError" || error.message.endsWith(DIALOG_CANCELLED);
}

/** Whether an error says that a plugin was stopped, or lost with the engine, and has not failed. @param {unknown} error */
export function isNoFailure(error) {
  return ["plugin-stopped", "session-lost"].includes(codeOf(error));
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
