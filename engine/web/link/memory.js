/**
 * The session's id, kept over a reload of the page.
 *
 * A tab that is duplicated takes its storage along, while the first one still uses the session.
 * So a page may only ask for a stored session after the page that had it has said goodbye.
 */

export class SessionMemory {
  /**
   * @param {string} key
   * @param {Storage | null} storage null: remember for as long as this page lives
   */
  constructor(key, storage) {
    this.key = key;
    this.storage = storage;
    /** @type {string | null} */
    this.current = this.left();
    globalThis.addEventListener?.("pagehide", () => this.keep(true));
    globalThis.addEventListener?.("pageshow", () => this.keep(false));
  }

  /** @returns {string | null} */
  get sessionId() {
    return this.current;
  }

  set sessionId(id) {
    this.current = id;
    this.keep(false);
  }

  /**
   * @returns {string | null} the session that an earlier page has left behind
   */
  left() {
    try {
      const stored = JSON.parse(this.storage?.getItem(this.key) ?? "null");
      return stored !== null && stored.left === true ? String(stored.id) : null;
    } catch {
      // A full or forbidden storage, or another program's entry: a new session is right then.
      return null;
    }
  }

  /** @param {boolean} left whether the page is going away */
  keep(left) {
    if (this.current === null) return;
    try {
      this.storage?.setItem(this.key, JSON.stringify({ id: this.current, left }));
    } catch {
      // As above: without a storage a reload begins a new session.
    }
  }
}
