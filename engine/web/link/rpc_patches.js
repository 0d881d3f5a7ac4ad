/**
 * imjoy-rpc's `RPC` class, right where upstream is wrong for a peer that is a process elsewhere.
 * The injected class stays as it is; this is a subclass with these differences:
 *
 * - every call ends: when the peer goes, or when its arguments cannot be sent (`PendingCalls`);
 * - callbacks can be called more than once, and are let go when the plugin says so (`released`, a
 *   word of our worker that upstream does not know);
 * - values keep their meaning (`values.js`);
 * - a function of another peer that is handed on keeps its owner, so that the receiver calls the
 *   owner directly, inside the engine, and not through this page;
 * - a peer reaches the functions of the objects that were handed to it and nothing else, where
 *   upstream follows any path ("alert.constructor" is the way to run code in the page);
 * - `disposed` names the object, so that two disposals at once cannot be taken for each other;
 * - the remote interface keeps what the core and the link have added when the plugin exports anew.
 */

import { CallbackStore, Holders } from "./callbacks.js";
import { LinkError, asError } from "./errors.js";
import { PendingCalls } from "./pending.js";
import { takeKwargs, valueCodecs } from "./values.js";

/** @typedef {import("./conn.js").PeerConnection} PeerConnection */
/** @typedef {(...args: any[]) => any} Remote */
/** @typedef {WeakMap<Function, object>} Owners how a remote function was encoded by its owner */

/**
 * What is used of imjoy-rpc's class, which has no types of its own.
 * @typedef {new (connection: object, config: object, codecs: object) => any} RPCClass
 */

/** Methods whose arguments hold functions to be called for as long as the plugin lives. */
const KEEPING = new Set(["register", "registerService", "register_service", "export", "on"]);

/**
 * Return the browser's end of one plugin.
 * @param {RPCClass} RPC
 * @param {PeerConnection} connection
 * @param {{name: string, owners: Owners}} plugin `owners` is shared by all plugins of one engine
 */
export function createPluginRPC(RPC, connection, { name, owners }) {
  class PluginRPC extends RPC {
    constructor() {
      super(connection, { name }, valueCodecs());
      this._store = new CallbackStore();
      this.pending = new PendingCalls((busy) => this._fire(busy ? "remoteBusy" : "remoteIdle"));
      /**
       * What the link itself adds to the remote interface, whenever the plugin exports one.
       * @type {(remote: Record<string, any>) => void}
       */
      this.complete = () => undefined;
      /** @type {Map<string, (message: any) => void>} */
      this.disposals = new Map();
      // Looked up by what the other end sends, so nothing may be inherited.
      this._object_store = Object.create(null);
      this.holders = new Holders(connection.worker);
      const callMethod = connection.take("method");
      const callCallback = connection.take("callback");
      connection.on("method", (message) => {
        this.used(message, message.object_id);
        if (isCallable(this._object_store[message.object_id], message.name)) callMethod(message);
        else void this.refuse(message, `There is no function "${message.name}".`);
      });
      connection.on("callback", (message) => {
        this.used(message, message.id);
        callCallback(message);
      });
      connection.on("released", (message) => this.released(message));
      connection.off("disposeObject");
      connection.on("disposeObject", (message) => this.disposeHere(message));
      connection.on("disposed", (message) => this.disposals.get(message.object_id)?.(message));
    }

    /**
     * Reject every call, now and later, and let go of everything the plugin could have called.
     * @param {Error} reason
     */
    close(reason) {
      this.pending.close(reason);
      this._store.clear();
      this._object_store = Object.create(null);
      connection.disconnect();
    }

    /**
     * @param {any} value
     * @param {any} [asInterface]
     * @param {string} [objectId]
     */
    async _encode(value, asInterface, objectId) {
      const owned = typeof value === "function" ? owners.get(value) : undefined;
      return owned ? { ...owned } : super._encode(value, asInterface, objectId);
    }

    /** Send what this page offers to the plugin; rejects when it cannot be encoded. */
    async sendInterface() {
      const api = await this._encode(this._local_api, true);
      connection.emit({ type: "setInterface", api });
    }

    /** @param {any} api what the plugin has exported */
    async _setRemoteInterface(api) {
      const exported = await this._decode(api);
      /** @type {Record<string, any>} */
      const remote = (this._remote_interface ??= {});
      const kept = remote.config === undefined ? {} : { config: remote.config };
      for (const key of Object.keys(remote)) delete remote[key];
      Object.assign(remote, exported, kept);
      this.complete(remote);
      this._fire("remoteReady");
      this._reportRemoteSet();
    }

    /**
     * A pair of functions that answer a call (`withPromise` is false for nothing else): an answer
     * that cannot be sent becomes an error, so that nobody waits for it.
     * @param {any} args
     * @param {boolean} withPromise
     */
    async _unwrap(args, withPromise) {
      const decoded = await super._unwrap(args, withPromise);
      if (withPromise !== false) return decoded;
      const [resolve, reject] = decoded;
      /** @param {unknown} reason */
      const refuse = (reason) =>
        reject(asError(reason)).catch((/** @type {Error} */ error) => {
          console.warn(`An answer to "${name}" could not be sent.`, error);
        });
      return [(/** @type {any} */ value) => resolve(value).catch(refuse), refuse];
    }

    /**
     * @param {string} target
     * @param {string} method
     * @param {string} object
     * @returns {Remote}
     */
    _genRemoteMethod(target, method, object) {
      const call = { type: "method", target_id: target, name: method, object_id: object };
      const encoded = {
        _rtype: "interface",
        _rtarget_id: target,
        _rintf: object,
        _rvalue: method,
      };
      return remote(encoded, (args) => this.call(call, args, KEEPING.has(method)));
    }

    /**
     * @param {string} target
     * @param {string | number} id
     * @param {boolean} withPromise whether its caller waits for an answer
     * @returns {Remote}
     */
    _genRemoteCallback(target, id, withPromise) {
      const call = { type: "callback", target_id: target, id };
      const encoded = { _rtype: "callback", _rtarget_id: target, _rvalue: id };
      if (withPromise) return remote(encoded, (args) => this.call(call, args));
      return async (/** @type {any[]} */ ...args) => this.send(call, args);
    }

    /**
     * @param {{target_id: string} & Record<string, any>} message
     * @param {any[]} args
     * @param {boolean} [asInterface]
     * @returns {Promise<any>}
     */
    call(message, args, asInterface) {
      const objection = this.pending.objection(message.target_id);
      if (objection) return Promise.reject(objection);
      const call = this.pending.open(message.target_id, () => this._store.release(ids));
      const ids = this._store.putPair(call.resolve, call.reject);
      const promise = ids.map((id) => ({
        _rtype: "callback",
        _rtarget_id: connection.peer_id,
        _rvalue: id,
      }));
      this.send({ ...message, promise }, args, asInterface).catch((error) => {
        const what = message.name ?? "a callback";
        const sentence = `The call of ${what} of "${name}" could not be sent: ${error.message}`;
        call.reject(new LinkError(sentence, { code: error.code ?? "not-sent" }));
      });
      return call.promise;
    }

    /**
     * @param {Record<string, any>} message
     * @param {any[]} given
     * @param {boolean} [asInterface]
     */
    async send(message, given, asInterface) {
      const { args, withKwargs } = takeKwargs(given);
      const encoded = await this._wrap(args, asInterface);
      delete encoded.__transferables__;
      const marks = withKwargs ? { with_kwargs: true } : {};
      connection.emit({ ...message, args: encoded, ...marks });
    }

    /**
     * Let the plugin forget an object that it handed to this page.
     * @param {object} object
     * @returns {Promise<void>}
     */
    async disposeObject(object) {
      const id = this._object_weakmap.get(object);
      if (id === undefined) throw new LinkError("This object is not the plugin's.");
      const call = this.pending.open(connection.worker, () => this.disposals.delete(id));
      this.disposals.set(id, ({ error }) => {
        if (error) call.reject(new LinkError(String(error)));
        else call.resolve(undefined);
      });
      connection.emit({ type: "disposeObject", object_id: id });
      return call.promise;
    }

    /**
     * @param {{sender: string, released?: unknown}} message
     * @param {string} id what the sender calls
     */
    used(message, id) {
      const known = this._store.keeps(id) || id in this._object_store;
      if (known) this.holders.used(id, message.sender);
      if (message.released !== undefined) this.released(message);
    }

    /**
     * Answer a call that cannot be made.
     * @param {{promise?: any}} message
     * @param {string} sentence
     */
    async refuse({ promise }, sentence) {
      if (!promise) return;
      const [, reject] = await this._unwrap(promise, false);
      reject(new LinkError(sentence, { code: "no-such-function" }));
    }

    /** @param {{sender: string, released?: unknown}} message */
    released({ sender, released }) {
      for (const id of Array.isArray(released) ? released.map(String) : []) {
        if (!this.holders.letGo(id, sender)) continue;
        if (this._store.keeps(id)) this._store.release([id]);
        const object = this._object_store[id];
        // What has a name of its own, and the interface itself, stay for as long as the plugin.
        if (object !== this._local_api && object?._rintf !== id) delete this._object_store[id];
      }
    }

    /** @param {{object_id: string, sender: string}} message */
    disposeHere({ object_id: id, sender }) {
      const known = id in this._object_store;
      delete this._object_store[id];
      const outcome = known ? {} : { error: `Object (id=${id}) not found.` };
      connection.emit({ type: "disposed", target_id: sender, object_id: id, ...outcome });
    }
  }

  /**
   * @param {object} encoded how its owner encodes it
   * @param {(args: any[]) => Promise<any>} call
   * @returns {Remote}
   */
  function remote(encoded, call) {
    const proxy = (/** @type {any[]} */ ...args) => call(args);
    // The core's own ends of window plugins keep a function with this mark after its first call.
    proxy.__remote_method = true;
    owners.set(proxy, encoded);
    return proxy;
  }

  return new PluginRPC();
}

/**
 * Return whether `path` leads to a function through what the object itself or its class has.
 * @param {any} object
 * @param {unknown} path
 * @returns {boolean}
 */
function isCallable(object, path) {
  if (typeof path !== "string") return false;
  let value = object;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !isMember(value, name)) return false;
    value = value[name];
  }
  return typeof value === "function";
}

/**
 * @param {object} object
 * @param {string} name
 * @returns {boolean}
 */
function isMember(object, name) {
  if (name === "constructor" || name === "__proto__") return false;
  const inherited = Object.getPrototypeOf(object);
  return (
    Object.hasOwn(object, name) ||
    (inherited !== null && inherited !== Object.prototype && Object.hasOwn(inherited, name))
  );
}
