/**
 * What this page has handed to other ends: functions and objects by id, and who holds them.
 *
 * imjoy-rpc's class writes into `callbacks` and `objects` itself, as its `_store` and
 * `_object_store`.
 */

import { CallbackStore, Holders } from "./callbacks.js";
import { END } from "./streams.js";

export class HandedOut {
  callbacks = new CallbackStore();
  /** Looked up by what the other end sends, so nothing may be inherited. @type {Record<string, any>} */
  objects = Object.create(null);
  /** What stays for as long as the plugin, whatever is told: the page's own interface. @type {any} */
  lasting = null;
  streams = 0;

  /** @param {string} first the peer that holds everything at first */
  constructor(first) {
    this.holders = new Holders(first);
  }

  /**
   * Keep the steps of a generator; return their id.
   * @param {(forget: () => void) => object} make
   * @returns {string}
   */
  addStream(make) {
    const id = `s${this.streams++}`;
    this.objects[id] = make(() => delete this.objects[id]);
    return id;
  }

  /**
   * Take note of a message that calls something, and of what its sender lets go of.
   * @param {{sender: string, released?: unknown}} message
   * @param {string} id what it calls
   */
  used(message, id) {
    if (this.callbacks.keeps(id) || id in this.objects) this.holders.used(id, message.sender);
    if (message.released !== undefined) this.released(message);
  }

  /** @param {{sender: string, released?: unknown}} message */
  released({ sender, released }) {
    for (const id of Array.isArray(released) ? released.map(String) : []) {
      if (!this.holders.letGo(id, sender)) continue;
      if (this.callbacks.keeps(id)) this.callbacks.release([id]);
      const object = this.objects[id];
      // What has a name of its own stays, too.
      if (object !== this.lasting && object?._rintf !== id) this.forget(id);
    }
  }

  /** @param {string} peer that is gone, and holds nothing any more */
  left(peer) {
    this.released({ sender: peer, released: this.holders.heldBy(peer) });
  }

  /**
   * Forget an object, and close it if it is a generator; tell whether there was one.
   * @param {string} id
   * @returns {boolean}
   */
  forget(id) {
    const object = this.objects[id];
    delete this.objects[id];
    object?.[END]?.();
    return object !== undefined;
  }

  clear() {
    this.callbacks.clear();
    for (const id of Object.keys(this.objects)) this.forget(id);
  }
}
