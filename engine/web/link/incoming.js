/**
 * Calls that other ends make of functions of this page.
 *
 * They begin in the order of their coming, however long it takes to decode what they bring. One
 * that its caller gives up is answered at once; its function learns of it by the `signal` of
 * `currentCall()`, where it also finds `report`.
 */

/**
 * @typedef {object} CurrentCall
 * @property {AbortSignal} signal aborted when the caller waits no more
 * @property {(...values: any[]) => void} report tells the caller how far it is, if it listens
 */

/** @type {IncomingCall | null} */
let running = null;

/**
 * Return the call in which this code runs. Ask before the first `await` of a function: later it may
 * be another one's. Null outside of any call.
 * @returns {CurrentCall | null}
 */
export function currentCall() {
  return running;
}

/** What an end answers whose call was given up. */
export class CancelledError extends Error {
  name = "CancelledError";
}

/** @implements {CurrentCall} */
class IncomingCall {
  isOver = false;
  /** @type {AbortController | null} made when somebody asks for it: few functions do */
  aborter = null;
  isCancelled = false;

  /** @type {((...values: any[]) => unknown) | null} */
  tell = null;
  /** @type {(reason: Error) => void} */
  reject = () => undefined;

  /** @param {string} label */
  constructor(label) {
    this.label = label;
    this.report = this.report.bind(this);
  }

  get signal() {
    this.aborter ??= new AbortController();
    if (this.isCancelled) this.aborter.abort();
    return this.aborter.signal;
  }

  /** @param {any[]} values */
  report(...values) {
    if (this.isOver || this.tell === null) return;
    Promise.resolve(this.tell(...values)).catch((/** @type {Error} */ error) => {
      console.warn(`Progress of ${this.label} could not be sent.`, error);
    });
  }

  /**
   * Take up how the caller is told of the end, and of what comes before it.
   * @param {(reason: Error) => void} reject
   * @param {((...values: any[]) => unknown) | null} tell
   */
  hasDecoded(reject, tell) {
    this.reject = reject;
    this.tell = tell;
    if (this.isCancelled) this.sayCancelled();
  }

  cancel() {
    this.isCancelled = true;
    this.isOver = true;
    this.aborter?.abort();
    this.sayCancelled();
  }

  sayCancelled() {
    this.reject(new CancelledError(`${this.label} was cancelled`));
  }
}

/**
 * @typedef {object} Message
 * @property {string} sender
 * @property {any[]} [args]
 * @property {any[]} [promise]
 * @property {any} [progress]
 */

export class IncomingCalls {
  /** @param {(tree: any, withPromise: boolean) => Promise<any>} decode in the order of its calls */
  constructor(decode) {
    this.decode = decode;
    /** @type {Map<string, IncomingCall>} by caller and by the id it knows the call by */
    this.byId = new Map();
  }

  /**
   * Run a call and answer it. It can be given up from now on, also while it is still being read.
   * @param {Message} message
   * @param {string} label
   * @param {() => {method: (...args: any[]) => any, owner: any}} find throws what the caller is told
   */
  async run(message, label, find) {
    const { sender, promise } = message;
    const call = new IncomingCall(label);
    const key = promise ? `${sender}\n${promise[0]._rvalue}` : "";
    if (promise) this.byId.set(key, call);
    try {
      await this.answer(call, message, find);
    } finally {
      call.isOver = true;
      this.byId.delete(key);
    }
  }

  /**
   * @param {IncomingCall} call
   * @param {Message} message
   * @param {() => {method: (...args: any[]) => any, owner: any}} find
   */
  async answer(call, { args: given = [], promise, progress }, find) {
    // Decoded together, so that the order of the calls is that of their coming.
    const decoding = [promise, progress].map((tree) => (tree ? this.decode(tree, false) : null));
    const arguments_ = this.decode(given, true);
    arguments_.catch(() => undefined);
    const [answer, tell] = await Promise.all(decoding);
    const [resolve, reject] = answer ?? [() => undefined, () => undefined];
    call.hasDecoded(reject, tell);
    try {
      const args = await arguments_;
      if (call.isOver) return;
      const { method, owner } = find();
      const result = await within(call, () => method.apply(owner, args));
      if (!call.isOver) resolve(result);
    } catch (error) {
      if (!promise) console.warn(`A call of ${call.label} failed, and nobody waits for it.`, error);
      else if (!call.isOver) reject(error);
    }
  }

  /** @param {{sender: string, call?: unknown}} message that a caller waits no more */
  cancel({ sender, call }) {
    const known = this.byId.get(`${sender}\n${call}`);
    if (known !== undefined && !known.isOver) known.cancel();
  }
}

/**
 * @template T
 * @param {IncomingCall} call
 * @param {() => T} work
 * @returns {T}
 */
function within(call, work) {
  const outer = running;
  running = call;
  try {
    return work();
  } finally {
    running = outer;
  }
}
