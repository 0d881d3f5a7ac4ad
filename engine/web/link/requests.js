/** Socket.IO events that are answered: every one ends, with what the engine says or without. */

import { LinkError, errorOf, isRecord } from "./errors.js";

const TIMEOUT_S = 30;

/**
 * How a request is made: `accept` is called while the answer is being delivered, before anything
 * that comes after it.
 * @typedef {{timeoutS?: number, accept?: (answer: any) => void}} RequestOptions
 */

export class Requests {
  constructor() {
    /** @type {Set<(error: LinkError) => void>} */
    this.open = new Set();
  }

  /**
   * Return what the engine answers; LinkError when it says no or nothing, or the connection ends.
   * @param {{emit: (event: string, ...data: any[]) => unknown}} socket
   * @param {string} event
   * @param {object} payload
   * @param {RequestOptions} options
   * @returns {Promise<any>}
   */
  ask(socket, event, payload, { timeoutS = TIMEOUT_S, accept = () => undefined }) {
    return new Promise((resolve, reject) => {
      /** @param {LinkError} error */
      const fail = (error) => {
        this.open.delete(fail);
        clearTimeout(timer);
        reject(error);
      };
      const silent = new LinkError(`The engine did not answer "${event}" within ${timeoutS} s.`, {
        code: "no-answer",
        hint: "It may be busy, or the connection may be broken: try again.",
      });
      const timer = setTimeout(() => fail(silent), timeoutS * 1000);
      this.open.add(fail);
      socket.emit(event, payload, (/** @type {unknown} */ answer) => {
        if (!this.open.delete(fail)) return;
        clearTimeout(timer);
        if (!isRecord(answer) || answer.success !== true) {
          reject(errorOf(answer, `The engine refused "${event}".`));
          return;
        }
        accept(answer);
        resolve(answer);
      });
    });
  }

  /** @param {LinkError} error why none of them will be answered */
  fail(error) {
    for (const fail of [...this.open]) fail(error);
  }
}
