/** Listeners by event name; a listener that fails does not keep the others from hearing. */
export class Emitter {
  constructor() {
    /** @type {Map<string, Set<(data: any) => void>>} */
    this.listeners = new Map();
  }

  /**
   * Call `listener` at every `event`, until the returned function is called.
   * @param {string} event
   * @param {(data: any) => void} listener
   * @returns {() => void}
   */
  on(event, listener) {
    const known = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, known.add(listener));
    return () => void known.delete(listener);
  }

  /**
   * Tell everybody who listens, in the order of their coming.
   * @param {string} event
   * @param {unknown} [data]
   */
  fire(event, data) {
    for (const listener of [...(this.listeners.get(event) ?? [])]) {
      try {
        listener(data);
      } catch (error) {
        console.error(`A listener of "${event}" failed.`, error);
      }
    }
  }
}
