/** A hand-written engine at the other end of a hand-written Socket.IO, for the link's tests. */

import { fromEvent, toEvent } from "../../../../engine/web/link/frames.js";
import { FakeWorker } from "./worker.mjs";

/** What travels is a copy: bytes as such, everything else as JSON. */
function carried(data) {
  if (ArrayBuffer.isView(data)) {
    return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  }
  return data instanceof ArrayBuffer ? data.slice() : JSON.parse(JSON.stringify(data));
}

/** The client's side of one connection: `on`, `emit` with acks, events in order, never at once. */
class FakeSocket {
  constructor(engine, url, options) {
    Object.assign(this, { engine, url, options, connected: false, active: false });
    this.listeners = new Map();
  }

  on(event, listener) {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }

  connect() {
    this.active = true;
    queueMicrotask(() => this.engine.connecting(this));
  }

  disconnect() {
    this.active = false;
    this.engine.left(this, "io client disconnect");
  }

  emit(event, ...data) {
    // The real one keeps what is sent while it is away, for later; nothing may rely on that.
    if (!this.connected) {
      this.engine.stale.push(event);
      return;
    }
    const ack = typeof data.at(-1) === "function" ? data.pop() : () => undefined;
    const copies = data.map(carried);
    queueMicrotask(() =>
      this.engine.hear(this, event, copies, (answer) => {
        if (this.connected) ack(carried(answer));
      }),
    );
  }

  fire(event, ...data) {
    for (const listener of this.listeners.get(event) ?? []) listener(...data);
  }
}

/** Speaks engine/README.md to one page; `behaviours` says what a plugin of a name does. */
export class FakeEngine {
  constructor(behaviours = {}) {
    this.behaviours = behaviours;
    this.token = "secret";
    this.reachable = true;
    /** Requests that are not answered: by event. */
    this.silent = new Set();
    /** Answers instead of the usual ones: by event. */
    this.answers = {};
    this.requests = [];
    this.stale = [];
    this.sockets = [];
    this.sessions = new Map();
    this.workers = new Map();
    this.count = 0;
    this.io = (url, options) => {
      const socket = new FakeSocket(this, url, options);
      this.sockets.push(socket);
      return socket;
    };
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** The connection breaks; the client tries again when `restore` is called. */
  cut(reason = "transport close") {
    this.reachable = false;
    for (const socket of this.sockets) this.left(socket, reason);
  }

  restore() {
    this.reachable = true;
    for (const socket of this.sockets) if (socket.active) this.connecting(socket);
  }

  /** As if another process had taken the place of this one. */
  restart() {
    this.cut();
    this.sessions.clear();
    this.workers.clear();
    this.restore();
  }

  connecting(socket) {
    if (!socket.active || socket.connected) return;
    if (!this.reachable) {
      socket.fire("connect_error", new Error("xhr poll error"));
      return;
    }
    socket.connected = true;
    socket.fire("connect");
  }

  left(socket, reason) {
    if (!socket.connected) return;
    socket.connected = false;
    if (reason === "io server disconnect") socket.active = false;
    socket.fire("disconnect", reason);
  }

  hear(socket, event, data, ack) {
    if (event === "frame") {
      this.relay(...data);
      return;
    }
    const [payload] = data;
    this.requests.push([event, payload]);
    if (this.silent.has(event)) return;
    if (this.answers[event]) {
      ack(this.answers[event]);
      return;
    }
    const answer = this[event]?.(payload) ?? {};
    ack(answer.success === false ? answer : { success: true, ...answer });
  }

  requestsOf(event) {
    return this.requests.filter(([name]) => name === event).map(([, payload]) => payload);
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────

  register_client({ id, session_id: sessionId, token }) {
    if (token !== this.token) {
      const error = "The token is wrong.";
      const hint = "Use the link that the engine printed.";
      return { success: false, code: "token-mismatch", error, message: error, hint };
    }
    const known = this.sessions.get(sessionId) === id ? sessionId : `s${++this.count}`;
    if (this.sessions.has(sessionId) && known !== sessionId) {
      // Another client with that session is a page that was loaded anew: the old one is gone.
      this.sessions.delete(sessionId);
      for (const worker of this.workers.values()) worker.dead = true;
      this.workers.clear();
    }
    this.sessions.set(known, id);
    return {
      session_id: known,
      workspace: "default",
      confirmation: false,
      message: "Connected to the fake.",
      engine_info: { name: "fake", version: "1" },
      limits: { max_message_bytes: 1 << 20 },
    };
  }

  init_plugin({ id, config }) {
    const number = ++this.count;
    const worker = new FakeWorker(this, {
      id,
      config,
      instance: `i${number}`,
      peer: `w${number}`,
      client: `b${number}`,
      behaviour: this.behaviours[config.name] ?? {},
    });
    this.workers.set(worker.peer, worker);
    const state = worker.behaviour.initialState ?? "preparing";
    if (worker.behaviour.manual !== true) queueMicrotask(() => worker.start());
    return {
      id,
      instance: worker.instance,
      peer_id: worker.peer,
      client_peer: worker.client,
      work_dir: "/data/default",
      initialized: worker.behaviour.resumed === true,
      resumed: worker.behaviour.resumed === true,
      state,
    };
  }

  kill_plugin({ id }) {
    const worker = [...this.workers.values()].find((each) => each.id === id);
    worker?.die({ exit_code: 0, signal: null, words: "stopped on request" });
    return { report: null };
  }

  // ── what it sends ──────────────────────────────────────────────────────────────────────────

  event(payload) {
    this.socket.fire("plugin_event", carried(payload));
  }

  frame(header, message) {
    this.socket.fire("frame", ...toEvent(header, message).args.map(carried));
  }

  control(kind, to, message) {
    this.frame({ to, from: "", kind }, message);
  }

  /** From one worker to another, or to the page. */
  forward(header, message) {
    const worker = this.workers.get(header.to);
    if (worker === undefined) this.frame(header, message);
    else queueMicrotask(() => worker.receive(structuredClone(message), header.from));
  }

  relay(header, body, ...buffers) {
    const { message } = fromEvent(header, body, buffers);
    const worker = this.workers.get(header.to);
    if (worker === undefined) {
      const reason = { code: "unknown-peer", message: `There is no peer "${header.to}".`, hint: "" };
      this.control("undeliverable", header.from, { to: header.to, ...reason });
      return;
    }
    worker.receive(message, header.from);
  }
}
