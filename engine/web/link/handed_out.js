/**
 * What this page has handed to other ends: functions and objects by id, and who holds them.
 *
 * imjoy-rpc's class writes into `callbacks` and `objects` itself, as its `_store` and
 * `_object_store`.
 */

import { CallbackStore, Holders } from "./callbacks.js";
import { END, ENDED } from "./streams.js";

/** So many generators that have ended still answer; as in Python. */
export const MAX_ENDED = 1024;

export class HandedOut {
  callbacks = new CallbackStore();
  /** Looked up by what the other end sends, so nothing may be inherited. @type {Record<string, any>} */
  objects = Object.create(null);
  /** What stays for as long as the plugin, whatever is told: the page's own interface. @type {any} */
  lasting = null;
  streams = 0;
  /** The ids of generators that have ended, the last one at the end. @type {string[]} */
  ended = [];

  /** @param {string} first the peer that holds everything at first */
  constructor(first) {
    this.holders = new Holders(first);
  }

  /**
   * Keep the steps of a generator; return their id. It answers also some time after its end: whoever
   * draws asks for a few items ahead, and so also for some after the last.
   * @param {(hasEnded: () => void) => object} make
   * @returns {string}
   */
  addStream(make) {
    const id = `s${this.streams++}`;
    this.objects[id] = make(() => {
      if (id in this.objects) this.hasEnded(id);
    });
    return id;
  }

  /** @param {string} id of a generator */
  hasEnded(id) {
    if (this.objects[id] === ENDED) return;
    this.objects[id] = ENDED;
    this.ended.push(id);
    if (this.ended.length > MAX_ENDED) delete this.objects[String(this.ended.shift())];
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
      // What has a name of its own stays, too, and what only says that it has ended.
      const stays = object === this.lasting || object === ENDED || object?._rintf === id;
      if (!stays) this.forget(id);
    }
  }

  /** @param {string} peer that is gone, and holds nothing any more */
  left(peer) {
    this.released({ sender: peer, released: this.holders.heldBy(peer) });
  }

  /**
   * Forget an object because somebody asks for it by name; tell whether there was one.
   * @param {string} id
   * @returns {boolean}
   */
  dispose(id) {
    if (this.objects[id] === ENDED) return false;
    const isStream = this.objects[id]?.[END] !== undefined;
    const known = this.forget(id);
    if (isStream) this.hasEnded(id);
    return known;
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
