/**
 * Functions of the page that a plugin may call back, by id.
 *
 * It stands in for imjoy-rpc's ReferenceStore, with two differences: a function stays until those
 * who hold it let go of it, so that they can call it as often as they like; and an id is never
 * used again, so that a late call cannot reach another function. The two ends of a promise are
 * still released together, at the first use of either.
 */

/** @typedef {(...args: any[]) => any} Callback */

export class CallbackStore {
  constructor() {
    /** @type {Map<string, {callback: Callback, pair?: string, reject?: Callback}>} */
    this.byId = new Map();
    this.next = 0;
  }

  get size() {
    return this.byId.size;
  }

  /**
   * Return the new id under which the function can be fetched until it is released.
   * @param {Callback} callback
   * @returns {string}
   */
  put(callback) {
    const id = this.newId();
    this.byId.set(id, { callback });
    return id;
  }

  /**
   * Return the new ids of two functions of which only one will be called, once.
   * @param {Callback} resolve
   * @param {Callback} reject
   * @returns {[string, string]}
   */
  putPair(resolve, reject) {
    const [first, second] = [this.newId(), this.newId()];
    this.byId.set(first, { callback: resolve, pair: second, reject });
    this.byId.set(second, { callback: reject, pair: first, reject });
    return [first, second];
  }

  /**
   * Return the function, or undefined where there is none (any more).
   * @param {string} id
   * @returns {Callback | undefined}
   */
  fetch(id) {
    const entry = this.byId.get(id);
    if (entry?.pair !== undefined) this.release([id, entry.pair]);
    return entry?.callback;
  }

  /**
   * Whether a function has that id that can be called more than once.
   * @param {string} id
   * @returns {boolean}
   */
  keeps(id) {
    const entry = this.byId.get(id);
    return entry !== undefined && entry.pair === undefined;
  }

  /**
   * Whether the id is that of one of two functions that end a promise.
   * @param {string} id
   * @returns {boolean}
   */
  isAnswer(id) {
    return this.byId.get(id)?.pair !== undefined;
  }

  /**
   * Return what rejects the promise that the function ends, and release both.
   * @param {string} id
   * @returns {Callback | undefined}
   */
  failing(id) {
    const reject = this.byId.get(id)?.reject;
    this.fetch(id);
    return reject;
  }

  /** @param {string[]} ids */
  release(ids) {
    for (const id of ids) this.byId.delete(id);
  }

  clear() {
    this.byId.clear();
  }

  newId() {
    return `c${this.next++}`;
  }
}

/** Who holds what was handed out: first the plugin itself, then also whoever uses it. */
export class Holders {
  /** @param {string} first holds everything that nobody has used yet */
  constructor(first) {
    this.first = first;
    /** @type {Map<string, Set<string>>} */
    this.byId = new Map();
  }

  /**
   * Note that a peer uses it: it may have been handed on.
   * @param {string} id
   * @param {string} peer
   */
  used(id, peer) {
    if (peer === this.first) return;
    this.byId.set(id, (this.byId.get(id) ?? new Set([this.first])).add(peer));
  }

  /**
   * Return the ids of what a peer uses.
   * @param {string} peer
   * @returns {string[]}
   */
  heldBy(peer) {
    return [...this.byId].filter(([, peers]) => peers.has(peer)).map(([id]) => id);
  }

  /**
   * Return whether nobody holds it any more, now that `peer` does not.
   * @param {string} id
   * @param {string} peer
   * @returns {boolean}
   */
  letGo(id, peer) {
    const holders = this.byId.get(id);
    if (holders === undefined) return peer === this.first;
    holders.delete(peer);
    if (holders.size > 0) return false;
    this.byId.delete(id);
    return true;
  }
}
