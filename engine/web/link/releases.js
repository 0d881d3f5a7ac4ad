/**
 * Which objects of other ends this page holds, so that their owners hear when it does not.
 *
 * Whatever stands here for an object holds its token; when the last such thing is collected, the
 * token is, and its owner is told.
 */

/** @typedef {{owner: string, id: string, key: string, isShared: boolean, token: WeakRef<object>}} Held */

export class Releases {
  /** @type {Map<string, Held>} */
  byKey = new Map();
  /** @type {Map<string, string[]>} what owners have not been told yet */
  untold = new Map();

  /** @param {(owner: string) => void} news there is something to tell an owner */
  constructor(news) {
    this.news = news;
    this.registry = new FinalizationRegistry((/** @type {Held} */ held) => this.collected(held));
  }

  /**
   * Return the token of an object, to be kept by whatever stands for it.
   * @param {string} owner
   * @param {string} id
   * @returns {object}
   */
  hold(owner, id) {
    const key = `${owner}\n${id}`;
    const known = this.byKey.get(key);
    const living = known?.token.deref();
    if (living !== undefined) return living;
    const token = {};
    const held = { owner, id, key, isShared: known?.isShared === true, token: new WeakRef(token) };
    this.byKey.set(key, held);
    this.registry.register(token, held);
    return token;
  }

  /**
   * Never let go of an object: it was handed on to an end of which its owner may not know.
   * @param {string} owner
   * @param {string} id
   */
  share(owner, id) {
    const held = this.byKey.get(`${owner}\n${id}`);
    if (held !== undefined) held.isShared = true;
  }

  /**
   * Return what an owner is to be told now.
   * @param {string} owner
   * @returns {string[]}
   */
  take(owner) {
    const ids = this.untold.get(owner) ?? [];
    this.untold.delete(owner);
    return ids;
  }

  /** @param {string} owner who is gone, and need not be told */
  forget(owner) {
    this.untold.delete(owner);
    for (const [key, held] of this.byKey) if (held.owner === owner) this.byKey.delete(key);
  }

  /** @param {Held} held */
  collected(held) {
    // It may have come again since; or its owner is gone.
    if (this.byKey.get(held.key) !== held) return;
    this.byKey.delete(held.key);
    if (held.isShared) return;
    const waiting = this.untold.get(held.owner);
    if (waiting !== undefined) {
      waiting.push(held.id);
      return;
    }
    this.untold.set(held.owner, [held.id]);
    setTimeout(() => this.news(held.owner));
  }
}
