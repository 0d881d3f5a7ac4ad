/** The calls that wait for another peer, so that none waits for one that is gone. */

/**
 * @typedef {object} Call
 * @property {Promise<any>} promise
 * @property {(value: any) => void} resolve
 * @property {(reason: any) => void} reject
 */

export class PendingCalls {
  /** @param {(busy: boolean) => void} onBusy told when the first call begins and the last ends */
  constructor(onBusy) {
    this.onBusy = onBusy;
    /** @type {Map<(reason: Error) => void, string>} what fails a call, and whom it waits for */
    this.waiting = new Map();
    /** @type {Map<string, Error>} */
    this.gone = new Map();
    /** @type {Error | null} */
    this.closed = null;
  }

  /**
   * Return why a call to `peer` is of no use, if it is known to be.
   * @param {string} peer
   * @returns {Error | undefined}
   */
  objection(peer) {
    return this.closed ?? this.gone.get(peer);
  }

  /**
   * Begin a call to `peer`; the caller has asked for an objection.
   * @param {string} peer
   * @param {() => void} [onEnd] called once, however it ends
   * @returns {Call}
   */
  open(peer, onEnd = () => undefined) {
    /** @type {(value: any) => void} */
    let resolve = () => undefined;
    /** @type {(reason: any) => void} */
    let reject = () => undefined;
    const promise = new Promise((res, rej) => {
      resolve = res;
      reject = rej;
    });
    const end = () => {
      if (!this.waiting.delete(fail)) return;
      onEnd();
      if (this.waiting.size === 0) this.onBusy(false);
    };
    /** @param {any} reason */
    const fail = (reason) => {
      reject(reason);
      end();
    };
    this.waiting.set(fail, peer);
    if (this.waiting.size === 1) this.onBusy(true);
    return {
      promise,
      resolve: (value) => {
        resolve(value);
        end();
      },
      reject: fail,
    };
  }

  /**
   * Reject what waits for `peer` and whatever will.
   * @param {string} peer
   * @param {Error} reason
   */
  fail(peer, reason) {
    this.gone.set(peer, reason);
    for (const [fail, waitsFor] of [...this.waiting]) if (waitsFor === peer) fail(reason);
  }

  /**
   * Reject everything, now and later.
   * @param {Error} reason
   */
  close(reason) {
    this.closed = reason;
    for (const fail of [...this.waiting.keys()]) fail(reason);
  }
}
