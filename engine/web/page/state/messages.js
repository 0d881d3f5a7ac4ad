/** What plugins and page say to the person: toasts, their history, the status line, the progress bar. */

import { percentOf } from "../text/format.js";
import { Observable } from "./observable.js";

/**
 * @typedef {object} Message
 * @property {number} id
 * @property {number} time
 * @property {string} text
 * @property {string} from a plugin's name, or ""
 * @property {"info" | "error"} kind
 * @property {boolean} isPlain what looks like HTML in the text is none
 */

const KEPT_MESSAGES = 200;
const SHOWN_TOASTS = 3;
const DEFAULT_SECONDS = 6;
const MAX_SECONDS = 60;
const STATUS_STAYS_MS = 6000;

export class Messages {
  constructor() {
    /** @type {Observable<Message[]>} */
    this.history = new Observable(/** @type {Message[]} */ ([]));
    /** @type {Observable<Message[]>} */
    this.toasts = new Observable(/** @type {Message[]} */ ([]));
    this.unread = new Observable(0);
    this.unreadErrors = new Observable(0);
    this.status = new Observable("");
    /** The plugin that said it, or "". */
    this.statusFrom = "";
    /** @type {Observable<number | null>} in percent; null when nothing is going on */
    this.progress = new Observable(/** @type {number | null} */ (null));
    this.nextId = 1;
  }

  /**
   * Show a message for some seconds and keep it in the history.
   * @param {unknown} text
   * @param {{from?: string, kind?: "info" | "error", seconds?: unknown, quiet?: boolean, isPlain?: boolean}} [more]
   */
  show(text, { from = "", kind = "info", seconds = DEFAULT_SECONDS, quiet = false, isPlain = false } = {}) {
    const message = { id: this.nextId, time: Date.now(), text: String(text), from, kind, isPlain };
    this.nextId += 1;
    this.history.update((history) => [...history, message].slice(-KEPT_MESSAGES));
    if (quiet) return;
    this.unread.update((count) => count + 1);
    if (kind === "error") this.unreadErrors.update((count) => count + 1);
    this.toasts.update((toasts) => [...toasts, message].slice(-SHOWN_TOASTS));
    setTimeout(() => this.dismiss(message.id), secondsOf(seconds) * 1000);
  }

  /** Take a toast away. @param {number} id */
  dismiss(id) {
    this.toasts.update((toasts) => toasts.filter((toast) => toast.id !== id));
  }

  clear() {
    this.history.set([]);
    this.read();
  }

  /** Somebody has read what is there. */
  read() {
    this.unread.set(0);
    this.unreadErrors.set(0);
  }

  /** Put words on the status line, for a plugin. @param {string} text @param {string} from */
  say(text, from) {
    this.statusFrom = from;
    this.status.set(text);
  }

  /** Take a plugin's words off the status line, if they are still there. @param {string} from */
  unsay(from) {
    if (this.statusFrom === from) this.status.set("");
  }

  /** Take a plugin's words off the status line in a while, unless it says something new. @param {string} from */
  unsaySoon(from) {
    const { value } = this.status;
    if (value === "" || this.statusFrom !== from) return;
    setTimeout(() => {
      if (this.status.value === value) this.unsay(from);
    }, STATUS_STAYS_MS);
  }

  /** Set the global progress bar: 0.4 or 40; at 100 it goes away. @param {unknown} value */
  setProgress(value) {
    const percent = percentOf(value);
    this.progress.set(percent === null || percent >= 100 ? null : percent);
  }
}

/** @param {unknown} seconds */
function secondsOf(seconds) {
  const number = Number(seconds);
  return Number.isFinite(number) && number > 0 ? Math.min(number, MAX_SECONDS) : DEFAULT_SECONDS;
}
