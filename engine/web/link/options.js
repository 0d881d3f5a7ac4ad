/** What the caller of a remote function may ask for beside the call: `function.withOptions(...)`. */

import { LinkError } from "./errors.js";

/**
 * @typedef {object} CallOptions
 * @property {number} [timeoutS] after so many seconds without an answer the call is cancelled
 * @property {AbortSignal} [signal] cancels the call when it is aborted
 * @property {(...values: any[]) => unknown} [onProgress] hears what the function reports meanwhile
 */

/** @typedef {import("./pending.js").Call} Call */

/**
 * Reject a call with the reason when it is given up, and tell the other end by `cancel`; return
 * what is to be done when it has ended.
 * @param {Call} call
 * @param {CallOptions} options
 * @param {string} label
 * @param {() => void} cancel
 * @returns {() => void}
 */
export function watch(call, { timeoutS, signal }, label, cancel) {
  /** @param {any} reason */
  const giveUp = (reason) => {
    call.reject(reason);
    cancel();
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  if (timeoutS !== undefined) {
    const sentence = `${label} has not answered within ${timeoutS} s.`;
    const late = () => giveUp(new LinkError(sentence, { code: "call-timeout" }));
    timer = setTimeout(late, timeoutS * 1000);
  }
  const aborted = () => giveUp(signal?.reason);
  signal?.addEventListener("abort", aborted);
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", aborted);
  };
}
