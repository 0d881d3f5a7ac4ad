/** The dialogs that wait for the person; each is a promise to whoever opened it. */

import { Observable } from "./observable.js";

/**
 * @typedef {object} DialogRequest
 * @property {number} id
 * @property {string} kind which component shows it
 * @property {any} props
 * @property {string} owner a plugin's name, or ""
 * @property {(answer: any) => void} answer close it with an answer
 * @property {() => void} cancel close it without one
 */

export const DIALOG_CANCELLED = "The dialog was cancelled.";

/** A dialog went away unanswered. */
export class CancelledError extends Error {
  /** @param {string} [message] */
  constructor(message = DIALOG_CANCELLED) {
    super(message);
    this.name = "CancelledError";
  }
}

export class Dialogs {
  constructor() {
    /** @type {Observable<DialogRequest[]>} the last one is in front */
    this.open = new Observable(/** @type {DialogRequest[]} */ ([]));
    this.nextId = 1;
  }

  /**
   * Show a dialog; settles when the person is done. Rejects with CancelledError.
   * @param {string} kind @param {any} props @param {string} [owner]
   * @returns {Promise<any>}
   */
  ask(kind, props, owner = "") {
    return new Promise((resolve, reject) => {
      const id = this.nextId;
      this.nextId += 1;
      const close = () => this.open.update((open) => open.filter((dialog) => dialog.id !== id));
      /** @type {DialogRequest} */
      const request = {
        id,
        kind,
        props,
        owner,
        answer: (answer) => {
          close();
          resolve(answer);
        },
        cancel: () => {
          close();
          reject(new CancelledError());
        },
      };
      this.open.update((open) => [...open, request]);
    });
  }

  /** Take away what a plugin asked: it is gone and hears no answer. @param {string} owner */
  cancelAllOf(owner) {
    for (const dialog of this.open.value) if (dialog.owner === owner) dialog.cancel();
  }
}
