/** Order, where work of different length would upset it. */

export class Turns {
  /** @type {Promise<unknown>} */
  last = Promise.resolve();

  /**
   * Settle as `work` does, but not before what was taken in before.
   * @template T
   * @param {Promise<T>} work which has begun already
   * @returns {Promise<T>}
   */
  async after(work) {
    const before = this.last;
    /** @type {(value?: unknown) => void} */
    let end = () => undefined;
    this.last = new Promise((resolve) => {
      end = resolve;
    });
    try {
      return await work;
    } finally {
      await before;
      end();
    }
  }
}
