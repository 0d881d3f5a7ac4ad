/**
 * Generators that travel: one end owns it, the other iterates, and asks for a few items ahead.
 *
 * The form is `{_rtype: "generator", _rintf, next, return}`, an interface with the methods of an
 * iterator. `imjoy_wire/streams.py` says the rest.
 */

/** @typedef {{value?: any, done: boolean}} Step */
/** @typedef {((...args: any[]) => Promise<any>) & {withOptions?: (options: object) => (...args: any[]) => Promise<any>}} Remote */

/** As in Python: it begins with one and doubles with each item. */
const MAX_AHEAD = 8;

/** What ends a generator of this page from which nobody draws any more. */
export const END = Symbol("end");

/**
 * Whether the value is a generator, or iterates as one: it has `next` and says that it can be
 * iterated over.
 * @param {any} value
 * @returns {boolean}
 */
export function isGenerator(value) {
  if (typeof value?.next !== "function") return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/**
 * What an end draws from whose generator has ended.
 * @type {{next: () => Step, return: () => Step}}
 */
export const ENDED = Object.freeze({
  next: () => ({ done: true }),
  return: () => ({ done: true }),
});

/**
 * Return the steps of a generator as an object for another end; `hasEnded` is called when it ends.
 * @param {any} generator
 * @param {() => void} hasEnded
 */
export function ownSteps(generator, hasEnded) {
  const end = async () => {
    hasEnded();
    await generator.return?.();
    return { done: true };
  };
  return {
    /** @returns {Promise<Step>} */
    next: async () => {
      try {
        const { value, done } = await generator.next();
        if (!done) return { value: await value, done: false };
      } catch (error) {
        hasEnded();
        throw error;
      }
      hasEnded();
      return { done: true };
    },
    return: end,
    [END]: () => {
      end().catch((error) => console.warn("A generator failed when it was closed.", error));
    },
  };
}

/**
 * A generator of another end: `for await (const item of stream)`, once. Leaving the loop closes it
 * where it lives.
 */
export class RemoteStream {
  /** @type {Promise<Step>[]} */
  asked = [];
  ahead = 1;
  isOver = false;
  aborter = new AbortController();

  /** @param {{next: Remote, return: Remote}} steps */
  constructor(steps) {
    this.steps = steps;
    const { next } = steps;
    this.ask = next.withOptions?.({ signal: this.aborter.signal }) ?? next;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<any, any>>} */
  async next() {
    if (this.isOver) return { value: undefined, done: true };
    while (this.asked.length < this.ahead) {
      const step = this.ask();
      step.catch(() => undefined);
      this.asked.push(step);
    }
    this.ahead = Math.min(MAX_AHEAD, 2 * this.ahead);
    try {
      const step = await /** @type {Promise<Step>} */ (this.asked.shift());
      if (!step.done) return { value: step.value, done: false };
    } catch (error) {
      this.abandon();
      throw error;
    }
    this.abandon();
    return { value: undefined, done: true };
  }

  /**
   * Close the generator where it lives.
   * @param {any} [value]
   * @returns {Promise<IteratorResult<any, any>>}
   */
  async return(value) {
    if (!this.isOver) {
      this.abandon();
      await this.steps.return();
    }
    return { value, done: true };
  }

  /** Take nothing more. */
  abandon() {
    this.isOver = true;
    this.asked = [];
    this.aborter.abort();
  }
}
