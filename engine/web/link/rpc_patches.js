/**
 * imjoy-rpc's `RPC` class, right where upstream is wrong for a peer that is a process elsewhere.
 * The injected class stays as it is; this is a subclass with these differences:
 *
 * - every call ends: when the peer goes, or when its arguments cannot be sent (`PendingCalls`);
 * - calls can be given up, timed and listened to, at both ends (`options.js`, `incoming.js`), and
 *   begin in the order in which they were made (`turns.js`);
 * - generators stream (`streams.js`);
 * - callbacks can be called more than once, and are let go when the plugin says so (`released`, a
 *   word of our worker that upstream does not know); the plugin hears what this page lets go of
 *   (`releases.js`);
 * - values keep their meaning (`values.js`);
 * - a function of another peer that is handed on keeps its owner, so that the receiver calls the
 *   owner directly, inside the engine, and not through this page;
 * - a peer reaches the functions of the objects that were handed to it and nothing else, where
 *   upstream follows any path ("alert.constructor" is the way to run code in the page);
 * - `disposed` names the object, so that two disposals at once cannot be taken for each other;
 * - the remote interface keeps what the core and the link have added when the plugin exports anew.
 */

import { LinkError, asError, callNotSent, resultNotSent, unsendable } from "./errors.js";
import { HandedOut } from "./handed_out.js";
import { IncomingCalls } from "./incoming.js";
import { watch } from "./options.js";
import { PendingCalls } from "./pending.js";
import { reach } from "./reach.js";
import { Releases } from "./releases.js";
import { checkSendable } from "./sendable.js";
import { RemoteStream, isGenerator, ownSteps } from "./streams.js";
import { Turns } from "./turns.js";
import { awaited, takeKwargs, valueCodecs, withoutThen } from "./values.js";

/** @typedef {import("./conn.js").PeerConnection} PeerConnection */
/** @typedef {import("./options.js").CallOptions} CallOptions */
/** @typedef {(...args: any[]) => any} Remote */
/**
 * How a remote function was encoded by its owner, and what keeps its owner from being told that
 * this page lets go of it.
 * @typedef {WeakMap<Function, {encoded: Record<string, any>, share: () => void}>} Owners
 */

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
      this.handedOut = new HandedOut(connection.worker);
      this._store = this.handedOut.callbacks;
      this._object_store = this.handedOut.objects;
      this.pending = new PendingCalls((busy) => this._fire(busy ? "remoteBusy" : "remoteIdle"));
      /**
       * What the link itself adds to the remote interface, whenever the plugin exports one.
       * @type {(remote: Record<string, any>) => void}
       */
      this.complete = () => undefined;
      /** @type {Map<string, (message: any) => void>} */
      this.disposals = new Map();
      this.departures = new Turns();
      this.arrivals = new Turns();
      this.incoming = new IncomingCalls((tree, withPromise) => this._unwrap(tree, withPromise));
      this.releases = new Releases((owner) => this.tellReleases(owner));
      /** How many messages to others than the plugin's own worker are being encoded. */
      this.toOthers = 0;
      for (const type of ["method", "callback", "disposeObject"]) connection.off(type);
      connection.on("method", (message) => this.calledMethod(message));
      connection.on("callback", (message) => this.calledBack(message));
      connection.on("cancel", (message) => this.incoming.cancel(message));
      connection.on("released", (message) => this.handedOut.released(message));
      connection.on("disposeObject", (message) => this.disposeHere(message));
      connection.on("disposed", (message) => this.disposals.get(message.object_id)?.(message));
    }

    /**
     * Reject every call, now and later, and let go of everything the plugin could have called.
     * @param {Error} reason
     */
    close(reason) {
      this.pending.close(reason);
      this.handedOut.clear();
      connection.disconnect();
    }

    /**
     * Reject what waits for a peer, now and later, and let go of what only it held.
     * @param {string} peer
     * @param {Error} reason
     */
    peerGone(peer, reason) {
      this.pending.fail(peer, reason);
      this.releases.forget(peer);
      this.handedOut.left(peer);
    }

    /**
     * @param {any} value
     * @param {any} [asInterface]
     * @param {string} [objectId]
     */
    async _encode(value, asInterface, objectId) {
      if (typeof value === "function" && owners.has(value)) return this.encodeOwned(value);
      if (value instanceof RemoteStream) return this.encodeRemoteStream(value);
      if (isGenerator(value)) return this.encodeStream(value);
      return super._encode(awaited(value), asInterface, objectId);
    }

    /** @param {any} tree @param {any} [withPromise] */
    async _decode(tree, withPromise) {
      return super._decode(withoutThen(tree), withPromise);
    }

    /** @param {Function} proxy a function of another end */
    encodeOwned(proxy) {
      const { encoded, share } = /** @type {{encoded: any, share: () => void}} */ (owners.get(proxy));
      if (encoded._rtarget_id !== connection.worker || this.toOthers > 0) share();
      return { ...encoded };
    }

    /** @param {RemoteStream} stream that is drawn from where it lives */
    encodeRemoteStream({ steps }) {
      const next = this.encodeOwned(steps.next);
      const end = this.encodeOwned(steps.return);
      return { _rtype: "generator", _rintf: next._rintf, next, return: end };
    }

    /** @param {any} generator of this page */
    encodeStream(generator) {
      const id = this.handedOut.addStream((hasEnded) => ownSteps(generator, hasEnded));
      const method = { _rtype: "interface", _rtarget_id: connection.peer_id, _rintf: id };
      return {
        _rtype: "generator",
        _rintf: id,
        next: { ...method, _rvalue: "next" },
        return: { ...method, _rvalue: "return" },
      };
    }

    /** Send what this page offers to the plugin; rejects when it cannot be encoded. */
    async sendInterface() {
      this.handedOut.lasting = this._local_api;
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
      const decoded = await this.arrivals.after(super._unwrap(args, withPromise));
      if (withPromise !== false || typeof decoded === "function") return decoded;
      const [resolve, reject] = decoded;
      /** @param {unknown} reason */
      const refuse = (reason) =>
        reject(asError(reason))
          .catch(() => reject(unsendable(reason))) // too much of it, or it fails to say what it is
          .catch((/** @type {Error} */ error) => {
            console.warn(`An answer to "${name}" could not be sent.`, error);
          });
      /** @param {Error} error */
      const refuseResult = (error) => refuse(resultNotSent(error));
      return [(/** @type {any} */ value) => resolve(value).catch(refuseResult), refuse];
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
      const asInterface = KEEPING.has(method);
      return this.remote(encoded, object, (args, options) =>
        this.call(call, args, asInterface, options),
      );
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
      if (withPromise) {
        return this.remote(encoded, String(id), (args, options) =>
          this.call(call, args, false, options),
        );
      }
      return async (/** @type {any[]} */ ...args) => this.send(call, args);
    }

    /**
     * Return what stands for a function of another end, and holds its object.
     * @param {Record<string, any>} encoded how its owner encodes it
     * @param {string} id of the object
     * @param {(args: any[], options?: CallOptions) => Promise<any>} call
     * @returns {Remote}
     */
    remote(encoded, id, call) {
      const owner = encoded._rtarget_id;
      const token = this.releases.hold(owner, id);
      const share = () => this.releases.share(owner, id);
      /** @param {CallOptions} [options] */
      const made = (options) => {
        const proxy = (/** @type {any[]} */ ...args) => call(args, options);
        // The core's own ends of window plugins keep a function with this mark after its first call.
        proxy.__remote_method = true;
        proxy.token = token;
        /** The same function, called with a limit of time, a signal, a listener. @param {CallOptions} more */
        proxy.withOptions = (more) => made({ ...options, ...more });
        owners.set(proxy, { encoded, share });
        return proxy;
      };
      return made();
    }

    /**
     * @param {{target_id: string} & Record<string, any>} message
     * @param {any[]} args
     * @param {boolean} [asInterface]
     * @param {CallOptions} [options]
     * @returns {Promise<any>}
     */
    call(message, args, asInterface, options) {
      const objection = this.pending.objection(message.target_id) ?? reasonOf(options?.signal);
      if (objection) return Promise.reject(objection);
      let isWanted = true;
      let unwatch = () => {};
      const call = this.pending.open(message.target_id, () => {
        isWanted = false;
        this._store.release(ids);
        unwatch();
      });
      const ids = this._store.putPair(call.resolve, call.reject);
      const promise = ids.map((id) => this.reference(id));
      let isSent = false;
      const marks = options ? this.progressOf(options, ids) : {};
      if (options) {
        unwatch = watch(call, options, message.name ?? "A callback", () => {
          if (isSent) this.emit({ type: "cancel", target_id: message.target_id, call: ids[0] });
        });
      }
      const going = () => (isSent = isWanted);
      this.send({ ...message, promise, ...marks }, args, asInterface, going).catch((error) => {
        call.reject(callNotSent(`${message.name ?? "a callback"} of "${name}"`, error));
      });
      return call.promise;
    }

    /**
     * @param {CallOptions} options
     * @param {string[]} ids of what ends with the call
     */
    progressOf({ onProgress }, ids) {
      if (onProgress === undefined) return {};
      const id = this._store.put(onProgress);
      ids.push(id);
      return { progress: this.reference(id) };
    }

    /** @param {string} id */
    reference(id) {
      return { _rtype: "callback", _rtarget_id: connection.peer_id, _rvalue: id };
    }

    /**
     * Send a message after those before it, unless `isWanted` says no when it would go.
     * @param {Record<string, any>} message
     * @param {any[]} given
     * @param {boolean} [asInterface]
     * @param {() => boolean} [isWanted]
     */
    async send(message, given, asInterface, isWanted) {
      const { args, withKwargs } = takeKwargs(given);
      checkSendable(args, this._codecs, asInterface);
      const toOther = message.target_id === connection.worker ? 0 : 1;
      this.toOthers += toOther;
      const encoding = this._wrap(args, asInterface).finally(() => (this.toOthers -= toOther));
      const encoded = await this.departures.after(encoding);
      if (isWanted?.() === false) return;
      delete encoded.__transferables__;
      const marks = withKwargs ? { with_kwargs: true } : {};
      const released = this.releases.take(message.target_id);
      connection.emit({ ...message, args: encoded, ...marks, released });
    }

    /** @param {Record<string, any>} message of no consequence when the connection has ended */
    emit(message) {
      if (!connection.closed) connection.emit(message);
    }

    /** @param {string} owner */
    tellReleases(owner) {
      const released = this.releases.take(owner);
      if (released.length > 0) this.emit({ type: "released", target_id: owner, released });
    }

    /** @param {any} message */
    calledMethod(message) {
      this.handedOut.used(message, message.object_id);
      const label = String(message.name);
      void this.incoming.run(message, label, () => {
        const found = reach(this._object_store[message.object_id], message.name);
        if (found) return found;
        const sentence = `There is no function "${label}".`;
        throw new LinkError(sentence, { code: "no-such-function" });
      });
    }

    /** @param {any} message the call of a callback, or an answer */
    calledBack(message) {
      const { id, args = [], promise } = message;
      this.handedOut.used(message, id);
      if (this._store.isAnswer(id) || (promise === undefined && !this._store.keeps(id))) {
        // What comes too late for a call that was given up is decoded too: so it is let go of.
        this._unwrap(args, true).then(
          (/** @type {any[]} */ [value]) => this._store.fetch(id)?.(value),
          (/** @type {Error} */ error) => this._store.failing(id)?.(error),
        );
        return;
      }
      void this.incoming.run(message, "a callback", () => {
        const method = this._store.fetch(id);
        if (method) return { method, owner: null };
        const sentence = "This function is not there any more.";
        throw new LinkError(sentence, { code: "no-such-function" });
      });
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

    /** @param {{object_id: string, sender: string}} message */
    disposeHere({ object_id: id, sender }) {
      const known = this.handedOut.dispose(id);
      const outcome = known ? {} : { error: `Object (id=${id}) not found.` };
      connection.emit({ type: "disposed", target_id: sender, object_id: id, ...outcome });
    }
  }

  return new PluginRPC();
}

/** @param {AbortSignal} [signal] */
function reasonOf(signal) {
  return signal?.aborted ? signal.reason : undefined;
}
