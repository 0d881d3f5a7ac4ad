/** How a run ended, in a few words. */

import { DIALOG_CANCELLED } from "../state/dialogs.js";

const MAX_RESULT_CHARS = 200;

/** A short result stands beside the time that it took. @param {unknown} result */
export function resultWords(result) {
  if (!["string", "number", "boolean", "bigint"].includes(typeof result)) return ".";
  const words = String(result);
  return words.length > MAX_RESULT_CHARS ? "." : `: ${words}`;
}

/**
 * Return how a run ended that a person has ended: by stopping its plugin, or by closing the dialog
 * that it had asked with. "" when it failed by itself.
 * @param {unknown} error what the run ended with
 * @param {import("../state/records.js").PluginRecord | undefined} record its plugin's
 * @param {string} took for how long it ran, in words
 */
export function calmEnd(error, record, took) {
  if (wasStopped(error) || (record && isBeingStopped(record))) return `Stopped after ${took}.`;
  return isCancelled(error) ? `Cancelled after ${took}.` : "";
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

/** Whether an error says that a person has stopped the plugin, here or elsewhere. @param {unknown} error */
export function wasStopped(error) {
  return error instanceof Error && "code" in error && error.code === "plugin-stopped";
}
