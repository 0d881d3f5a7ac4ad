/**
 * Sets right what imjoy-rpc does wrong with values, wherever a window or web-worker plugin is at one
 * of the ends: in the plugin's frame, in its worker, and in the core's end of either.
 *
 * - a function that was passed on can be called more than once; the last ones used are kept;
 * - a view of a buffer sends its own bytes, where upstream sends the whole buffer;
 * - an error keeps its class and its traceback;
 * - a generator is drawn from where it lives, item by item;
 * - all of a <window> block is shown, where upstream shows its first element or comment.
 *
 * A plain script, because it runs in two places: behind the bundle of imjoy-rpc, whose class it
 * changes before anybody uses it, and before the text of a worker, which keeps its class to itself
 * and shows an instance only when the plugin's `api` is there. Neither holds functions by then.
 */
(() => {
  /** So many functions stay at least, as in the engine's own workers; twice as many at most. */
  const KEPT_FUNCTIONS = 1024;
  /** So many generators that have ended still answer. */
  const MAX_ENDED = 64;
  /** Where each lies, and its id there; the last one ended comes last. @type {[Record<string, any>, string][]} */
  const ended = [];

  /** @typedef {((...args: any[]) => any) & {__promise_pair?: number}} Passed */

  /** Stands in for upstream's ReferenceStore, which forgets a function at its first call. */
  class PassedFunctions {
    constructor() {
      /** The function used last comes last. @type {Map<number, Passed>} */
      this.byId = new Map();
      this.next = 1;
      this.room = 2 * KEPT_FUNCTIONS;
    }

    /** @param {Passed} passed */
    put(passed) {
      const id = this.next;
      this.next += 1;
      this.byId.set(id, passed);
      if (this.byId.size > this.room) this.prune();
      return id;
    }

    /** Return a function; of the two that end a promise, both are gone then. @param {number} id */
    fetch(id) {
      const passed = this.byId.get(id);
      if (!passed) return letGo;
      this.byId.delete(id);
      if (passed.__promise_pair === undefined) this.byId.set(id, passed);
      else this.byId.delete(passed.__promise_pair);
      return passed;
    }

    /** Whoever waits for an answer gets it, however many functions were passed on since. */
    prune() {
      const ids = [...this.byId].filter(([, { __promise_pair }]) => __promise_pair === undefined);
      for (const [id] of ids.slice(0, -KEPT_FUNCTIONS)) this.byId.delete(id);
      this.room = this.byId.size + KEPT_FUNCTIONS;
    }
  }

  function letGo() {
    throw new Error(
      `This function is not there any more: of those that a plugin passes on, the last ${KEPT_FUNCTIONS} stay.`,
    );
  }

  const repaired = new WeakSet();

  /** Change a class of imjoy-rpc, once. @param {any} prototype */
  function repair(prototype) {
    if (repaired.has(prototype)) return;
    repaired.add(prototype);
    const { _encode, _decode, _setupMessageHanlders } = prototype;
    /** Upstream's constructor calls it last. @this {any} */
    prototype._setupMessageHanlders = function () {
      this._store = new PassedFunctions();
      if (globalThis.document) showWholeWindows(this._connection);
      serveWishes(this);
      return _setupMessageHanlders.call(this);
    };
    /** @this {any} @param {any} value @param {...any} rest */
    prototype._encode = function (value, ...rest) {
      if (typeof value !== "object" || value === null || hasCodec(this, value)) {
        return _encode.call(this, value, ...rest);
      }
      if (value instanceof Error) return Promise.resolve(encodeError(value));
      if (isGenerator(value)) return encodeGenerator(this, _encode, value);
      return _encode.call(this, ArrayBuffer.isView(value) ? ownPart(value) : value, ...rest);
    };
    /** @this {any} @param {any} value @param {...any} rest */
    prototype._decode = function (value, ...rest) {
      const type = value?._rtype;
      if (type === "error" && !this._codecs.error) return Promise.resolve(decodeError(value));
      if (type === "generator" && value._rintf && !this._codecs.generator) {
        const { _rtype, ...steps } = value;
        return _decode.call(this, steps, ...rest).then(iterable);
      }
      return _decode.call(this, value, ...rest);
    };
  }

  /**
   * Run the calls that come with wishes (`call_options.js`): they may be given up, and are listened
   * to, where the function can be told of it. Each is answered once, a cancelled one at once.
   * @param {any} rpc
   */
  function serveWishes(rpc) {
    /** @type {Map<number, AbortController>} */
    const running = new Map();
    rpc._connection.on("cancel", (/** @type {any} */ { call }) => running.get(call)?.abort());
    rpc._connection.on("call_options", async (/** @type {any} */ message) => {
      const { id, progress } = message.wishes;
      const aborter = new AbortController();
      running.set(id, aborter);
      const { signal } = aborter;
      const [resolve, reject] = await rpc._unwrap(message.promise, false);
      const answer = (/** @type {Function} */ settle, /** @type {unknown} */ value) => running.delete(id) && settle(value);
      const cancelled = () => answer(reject, Object.assign(new Error("The call was cancelled."), { name: "CancelledError" }));
      signal.addEventListener("abort", cancelled);
      if (signal.aborted) cancelled();
      try {
        const onProgress = progress && (await rpc._unwrap(progress, false));
        const { method, owner } = wanted(rpc, message);
        const args = await rpc._unwrap(message.args, true);
        if (!running.has(id)) return;
        const called = method.withOptions?.({ signal, onProgress }) ?? method;
        answer(resolve, await called.apply(owner, args));
      } catch (error) {
        answer(reject, error);
      }
    });
  }

  /** Return the function that a message calls, and whose it is. @param {any} rpc @param {any} message */
  function wanted(rpc, { kind, id, object_id, name }) {
    if (kind === "callback") return { method: rpc._store.fetch(id), owner: null };
    const path = String(name).split(".");
    const last = /** @type {string} */ (path.pop());
    const owner = path.reduce((object, key) => object[key], rpc._object_store[object_id]);
    return { method: owner[last], owner };
  }

  /** @param {{execute: (code: {type: string, content?: string}) => any}} connection */
  function showWholeWindows(connection) {
    const { execute } = connection;
    connection.execute = (code) => {
      if (code.type !== "html") return execute.call(connection, code);
      const { content: nodes } = Object.assign(document.createElement("template"), { innerHTML: code.content?.trim() });
      if (nodes.childNodes.length <= 1) return execute.call(connection, code);
      const content = `<div style="display: contents">${code.content}</div>`;
      return execute.call(connection, { ...code, content });
    };
  }

  /** Whether the plugin has registered a codec for the value. @param {any} rpc @param {object} value */
  function hasCodec(rpc, value) {
    return Object.values(rpc._codecs).some(({ type, encoder }) => type && encoder && value instanceof type);
  }

  /** Return a view that shows the whole of its buffer. @param {any} view */
  function ownPart(view) {
    const { buffer, byteOffset, byteLength, _transfer } = view;
    if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) return view;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
    const part = view instanceof DataView ? new DataView(bytes) : new view.constructor(bytes);
    if (_transfer) part._transfer = true;
    return part;
  }

  /** @param {Error & {trace?: string}} error */
  function encodeError(error) {
    const { name, message, stack, trace } = error;
    return { _rtype: "error", _rvalue: message || name, _rname: name, _rtrace: trace ?? stack };
  }

  /** @param {{_rvalue: unknown, _rname?: unknown, _rtrace?: unknown}} encoded */
  function decodeError({ _rvalue, _rname, _rtrace }) {
    const error = /** @type {Error & {trace?: string}} */ (new Error(String(_rvalue)));
    if (typeof _rname === "string") error.name = _rname;
    if (typeof _rtrace === "string") error.stack = error.trace = _rtrace;
    return error;
  }

  /** Whether it iterates as a generator does. @param {any} value */
  function isGenerator(value) {
    if (typeof value.next !== "function") return false;
    return Symbol.asyncIterator in value || Symbol.iterator in value;
  }

  /**
   * Send the steps of a generator. It is forgotten some time after its end: whoever draws asks for
   * a few items ahead, and so also for some after the last.
   * @param {any} rpc @param {Function} encode @param {any} generator
   */
  async function encodeGenerator(rpc, encode, generator) {
    let isOver = false;
    const forget = () => {
      if (isOver) return;
      isOver = true;
      ended.push([rpc._object_store, tree._rintf]);
      if (ended.length > MAX_ENDED) {
        const [store, id] = /** @type {[Record<string, any>, string]} */ (ended.shift());
        delete store[id];
      }
    };
    const steps = {
      _rintf: true,
      next: async () => {
        try {
          const { value, done } = await generator.next();
          if (!done) return { value: await value, done: false };
        } catch (error) {
          forget();
          throw error;
        }
        forget();
        return { done: true };
      },
      return: async () => {
        forget();
        await generator.return?.();
        return { done: true };
      },
    };
    const tree = await encode.call(rpc, steps);
    tree._rtype = "generator";
    return tree;
  }

  /** @param {any} steps of a generator elsewhere */
  function iterable(steps) {
    return Object.assign(steps, { [Symbol.asyncIterator]: () => steps });
  }

  const { imjoyRPC } = /** @type {any} */ (globalThis);
  if (imjoyRPC) {
    repair(imjoyRPC.RPC.prototype);
    return;
  }
  addEventListener(
    "imjoy_remote_api_ready",
    (event) => {
      const { _rpc } = /** @type {any} */ (event).detail;
      repair(Object.getPrototypeOf(_rpc));
      _rpc._store = new PassedFunctions();
    },
    { once: true },
  );
})();
