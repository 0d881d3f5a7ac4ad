/** A value that tells who listens when it changes. */

/** @template T */
export class Observable {
  /** @param {T} value */
  constructor(value) {
    this.value = value;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** Replace the value; listeners hear of it unless it is the same. @param {T} value */
  set(value) {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  /** Replace the value by what `change` makes of it. @param {(value: T) => T} change */
  update(change) {
    this.set(change(this.value));
  }

  /** Call `listener` after every change, until the returned function is called. @param {() => void} listener */
  subscribe(listener) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}
