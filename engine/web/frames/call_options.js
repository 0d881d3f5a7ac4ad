/**
 * Gives plugins in windows and web-workers what native plugins and the page have: a call with a limit
 * of time, that can be given up, and that is listened to.
 *
 *     await plugin.segment.withOptions({ timeoutS: 60, signal, onProgress: console.log })(image);
 *
 * What is asked for travels as a last argument as far as the door, and goes out beside the others in
 * a message of its own type; `rpc_repair.js` serves it at the core's end.
 *
 * A plain script, because it runs in a frame and in a worker. Both show their end of the RPC when
 * the plugin's `api` is there: before that nobody has called anything.
 */
(() => {
  /** What the caller of a function asks for beside the call. */
  class Wishes {
    /** @param {number} id of the call @param {((...values: any[]) => unknown) | undefined} onProgress */
    constructor(id, onProgress) {
      this.id = id;
      this.onProgress = onProgress;
    }
  }
  const WISHES = "call_options";

  /** Calls that wait for an answer, by id. @type {Map<number, {isGone: boolean, target?: string, progress?: number}>} */
  const calls = new Map();
  let lastId = 0;

  /**
   * Call a function of another end.
   * @param {any} rpc @param {Function} remote
   * @param {{timeoutS?: number, signal?: AbortSignal, onProgress?: (...values: any[]) => unknown}} options
   * @param {any[]} args
   */
  function call(rpc, remote, { timeoutS, signal, onProgress }, args) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = (lastId += 1);
    const sent = { isGone: false };
    calls.set(id, sent);
    return new Promise((resolve, reject) => {
      /** @param {unknown} reason */
      const giveUp = (reason) => {
        if (!calls.has(id)) return;
        if (sent.isGone) rpc._connection.emit({ type: "cancel", target_id: sent.target, call: id });
        end();
        reject(reason);
      };
      const late = () => giveUp(timeoutError(timeoutS));
      const timer = timeoutS === undefined ? undefined : setTimeout(late, timeoutS * 1000);
      const aborted = () => giveUp(signal?.reason);
      signal?.addEventListener("abort", aborted);
      const end = () => {
        calls.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      // Of a call that was given up, what is still on its way is no news.
      const told = onProgress && ((/** @type {any[]} */ ...values) => void (calls.has(id) && onProgress(...values)));
      remote(...args, new Wishes(id, told)).then(
        (/** @type {unknown} */ value) => {
          // Nobody calls it any more; after a cancellation somebody may.
          if (calls.has(id)) rpc._store.byId.delete(sent.progress);
          end();
          resolve(value);
        },
        (/** @type {unknown} */ error) => {
          end();
          reject(error);
        },
      );
    });
  }

  /** @param {number | undefined} timeoutS */
  function timeoutError(timeoutS) {
    const error = new Error(`The call has not been answered within ${timeoutS} s.`);
    return Object.assign(error, { name: "TimeoutError", code: "call-timeout" });
  }

  /** Give a function of another end `withOptions`. @param {any} rpc @param {any} remote */
  function optional(rpc, remote) {
    remote.withOptions = (/** @type {object} */ options) => {
      const called = (/** @type {any[]} */ ...args) => call(rpc, remote, options, args);
      const withOptions = (/** @type {object} */ more) => remote.withOptions({ ...options, ...more });
      return Object.assign(called, { __remote_method: true, withOptions });
    };
    return remote;
  }

  const known = new WeakSet();

  /** Change what makes functions of other ends, once. @param {any} prototype of imjoy-rpc's class */
  function extend(prototype) {
    if (known.has(prototype)) return;
    known.add(prototype);
    const { _encode, _genRemoteMethod, _genRemoteCallback } = prototype;
    /** @this {any} @param {any} value @param {...any} rest */
    prototype._encode = async function (value, ...rest) {
      if (!(value instanceof Wishes)) return _encode.call(this, value, ...rest);
      const progress = value.onProgress && (await _encode.call(this, value.onProgress));
      return { _rtype: WISHES, id: value.id, progress };
    };
    /** @this {any} @param {...any} where */
    prototype._genRemoteMethod = function (...where) {
      return optional(this, _genRemoteMethod.apply(this, where));
    };
    /** @this {any} @param {string} target @param {unknown} id @param {boolean} withPromise */
    prototype._genRemoteCallback = function (target, id, withPromise) {
      const remote = _genRemoteCallback.call(this, target, id, withPromise);
      return withPromise ? optional(this, remote) : remote;
    };
  }

  /** Send calls with wishes as such, those that are still wanted. @param {any} rpc */
  function attend(rpc) {
    const connection = rpc._connection;
    if (known.has(connection)) return;
    known.add(connection);
    const { emit } = connection;
    /** @param {any} message @param {...any} rest */
    connection.emit = (message, ...rest) => {
      const wishes = Array.isArray(message.args) ? message.args.at(-1) : undefined;
      if (wishes?._rtype !== WISHES) return emit.call(connection, message, ...rest);
      message.args.pop();
      const sent = calls.get(wishes.id);
      // It was given up while its arguments were encoded: nobody waits, and nothing is kept for it.
      if (!sent) return rpc._store.fetch(message.promise[1]._rvalue)(new Error("The call was given up."));
      sent.isGone = true;
      // The core's end has no id.
      sent.target = message.target_id;
      sent.progress = wishes.progress?._rvalue;
      return emit.call(connection, { ...message, type: WISHES, kind: message.type, wishes }, ...rest);
    };
  }

  /** @param {any} rpc @param {any} api whose functions were made before */
  function extendKnown(rpc, api) {
    for (const [name, value] of Object.entries(api)) {
      if (name.startsWith("_")) continue;
      if (value?.__remote_method && !value.withOptions) optional(rpc, value);
      else if (value?.constructor === Object) extendKnown(rpc, value);
    }
  }

  addEventListener("imjoy_remote_api_ready", (event) => {
    const api = /** @type {any} */ (event).detail;
    // The frame around a worker has none.
    if (!api?._rpc) return;
    extend(Object.getPrototypeOf(api._rpc));
    attend(api._rpc);
    extendKnown(api._rpc, api);
  });
})();
