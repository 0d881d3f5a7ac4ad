/**
 * One plugin's connection as the `RPC` class of imjoy-rpc wants it: messages by their type, in
 * the order of their coming.
 *
 * Only the plugin's own worker may say what its interface is or end the connection. Other peers,
 * to whom its functions were handed, may call and answer, nothing else.
 */

import { LinkError, isRecord } from "./errors.js";
import { newRunId } from "./run_records.js";
import { isWellFormed } from "./message_rules.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {(message: any) => void} Handler */

const FROM_ANYBODY = new Set(["method", "callback", "cancel", "disposeObject", "disposed", "released"]);
const FROM_WORKER = new Set([
  ...FROM_ANYBODY,
  "imjoyRPCReady",
  "initialized",
  "interfaceSetAsRemote",
  "getInterface",
  "setInterface",
  "executed",
  "disconnect",
  "log",
  "error",
]);

export class PeerConnection {
  /**
   * @param {Session} session
   * @param {{worker: string, own: string}} peers the worker's id and that of this end
   */
  constructor(session, { worker, own }) {
    this.session = session;
    this.worker = worker;
    /** The name that imjoy-rpc knows: it goes into every function that is handed out. */
    this.peer_id = own;
    this.closed = false;
    /** @type {Map<string, Handler[]>} */
    this.handlers = new Map();
  }

  /** Receive from now on, first what came before anybody listened. */
  open() {
    this.session.attach(this.peer_id, (message, from) => this.receive(message, from));
  }

  /**
   * @param {string} type
   * @param {Handler} handler
   */
  on(type, handler) {
    this.handlers.set(type, [...(this.handlers.get(type) ?? []), handler]);
  }

  /**
   * @param {string} type
   * @param {Handler} handler
   */
  once(type, handler) {
    /** @type {Handler} */
    const first = (message) => {
      this.off(type, first);
      handler(message);
    };
    this.on(type, first);
  }

  /**
   * Forget one handler, or all of that type.
   * @param {string} type
   * @param {Handler} [handler]
   */
  off(type, handler) {
    const left = (this.handlers.get(type) ?? []).filter((each) => handler && each !== handler);
    this.handlers.set(type, left);
  }

  /**
   * @param {string} type
   * @param {any} [message]
   */
  _fire(type, message) {
    for (const handler of this.handlers.get(type) ?? []) {
      try {
        handler(message);
      } catch (error) {
        console.error(`A message of type "${type}" could not be handled.`, error);
      }
    }
  }

  /**
   * Send a message: to the peer that it names, else to the worker. LinkError when it cannot go.
   * @param {Record<string, any>} message
   */
  emit(message) {
    if (this.closed) throw new LinkError("The plugin is gone.", { code: "plugin-stopped" });
    const to = typeof message.target_id === "string" ? message.target_id : this.worker;
    const route = { to, from: this.peer_id, kind: "rpc" };
    const isRun = message.type === "method" && message.name === "run" && to === this.worker;
    if (!isRun || !message.promise) return this.session.sendFrame(route, message);
    // The engine keeps its result, for whoever waits for it when this page is gone.
    const id = newRunId();
    this.session.fire("run_begun", { id });
    this.session.sendFrame({ ...route, run: { id, name: "run" } }, message);
  }

  /** Stop receiving; nothing can be sent any more. */
  disconnect() {
    if (this.closed) return;
    this.closed = true;
    this.session.detach(this.peer_id);
  }

  /**
   * imjoy-rpc calls this for a peer that wants to run code here, which no peer may.
   * @returns {never}
   */
  execute() {
    throw new LinkError("A plugin cannot run code in the page.");
  }

  /**
   * @param {any} message
   * @param {string} from
   */
  receive(message, from) {
    const allowed = from === this.worker ? FROM_WORKER : FROM_ANYBODY;
    if (!isRecord(message) || typeof message.type !== "string" || !allowed.has(message.type)) {
      console.warn("A peer sent a message that it may not send.", from, message);
      return;
    }
    if (!isWellFormed(message)) {
      console.warn("A peer sent a message that nobody can read; it was dropped.", from, message);
      return;
    }
    this._fire(message.type, { ...message, sender: from });
  }
}
