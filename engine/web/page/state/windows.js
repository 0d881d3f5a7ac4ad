/** The windows that plugins opened, in the order of their coming. */

import { Observable } from "./observable.js";

/**
 * A window as the core describes it; the core changes it in place.
 * @typedef {object} CoreWindow
 * @property {string} id
 * @property {string} window_id the element that the core fills
 * @property {string} name
 * @property {string} type
 * @property {string} window_type the name of the window plugin
 * @property {any} data
 * @property {any} config
 * @property {any} [ui]
 * @property {number} [w] in units of 30 pixels
 * @property {number} [h] in units of 30 pixels
 * @property {boolean} [dialog]
 * @property {boolean} [fullscreen]
 * @property {boolean} [closed]
 * @property {boolean} [isUnsaved] it holds text that closing would forget
 * @property {any} api
 * @property {() => Promise<void>} close
 * @property {(() => any)[]} _refresh_callbacks
 */

export class Windows {
  constructor() {
    /** @type {Observable<CoreWindow[]>} */
    this.list = new Observable(/** @type {CoreWindow[]} */ ([]));
    /** @type {Observable<string | null>} the window in front */
    this.active = new Observable(/** @type {string | null} */ (null));
    /** @type {Observable<string | null>} the window that takes all the room */
    this.maximized = new Observable(/** @type {string | null} */ (null));
  }

  /** @param {CoreWindow} window */
  add(window) {
    this.list.update((list) => [...list.filter((other) => other.id !== window.id), window]);
    window.api.on("focus", () => this.select(window));
    window.api.on("show", () => this.select(window));
    window.api.on("close", () => this.hide(window));
    if (window.fullscreen && !window.dialog) this.maximized.set(window.id);
    this.select(window);
  }

  /**
   * Take a window out of sight. What is in it lives on for a moment, to hear that it is closed.
   * @param {CoreWindow} window
   */
  hide(window) {
    window.closed = true;
    this.list.update((list) => [...list]);
    if (this.maximized.value === window.id) this.maximized.set(null);
    if (this.active.value === window.id) {
      this.active.set(this.list.value.findLast((other) => !other.closed)?.id ?? null);
    }
  }

  /** Take a window out of the document. @param {CoreWindow} window */
  remove(window) {
    if (!window.closed) this.hide(window);
    this.list.update((list) => list.filter((other) => other !== window));
  }

  /** Close what shows a window plugin. @param {string} type the plugin's name */
  closeAllOf(type) {
    for (const window of this.list.value) if (window.window_type === type) void window.close();
  }

  /** Bring a window to the front. @param {CoreWindow} window */
  select(window) {
    this.active.set(window.id);
    if (this.maximized.value && !window.dialog && this.maximized.value !== window.id) {
      this.maximized.set(null);
    }
  }

  /** @param {CoreWindow} window */
  toggleMaximized(window) {
    this.maximized.set(this.maximized.value === window.id ? null : window.id);
    this.active.set(window.id);
  }
}
