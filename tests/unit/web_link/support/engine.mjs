/** A hand-written engine at the other end of a hand-written Socket.IO, for the link's tests. */

import { Assembler, CHUNK } from "../../../../engine/web/link/chunks.js";
import { ACK, Incoming, Sent, ackNumber } from "../../../../engine/web/link/delivery.js";
import {
  fromEvent,
  messageOf,
  payloadBytes,
  toEvent,
  toFrame,
} from "../../../../engine/web/link/frames.js";
import { decodeFrame, encodeFrame } from "../../../../engine/web/link/stream_frames.js";
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

/** What the engine knows of one session's frames. */
class FakeSession {
  constructor(client) {
    this.client = client;
    this.sent = new Sent();
    this.incoming = new Incoming();
    this.assembler = new Assembler();
  }
}

/**
 * The client's side of a data channel of `engine`: as much of a WebSocket as the link uses. With
 * `engine.shut` it closes instead of welcoming anybody.
 */
export function fakeWebSocket(engine) {
  return class FakeWebSocket {
    constructor(url) {
      Object.assign(this, { url, readyState: 0, bufferedAmount: 0, greeted: false, messages: [] });
      engine.channels.push(this);
      queueMicrotask(() => {
        if (engine.shut) {
          this.drop();
          return;
        }
        this.readyState = 1;
        this.onopen();
      });
    }

    send(message) {
      const copy = carried(message);
      queueMicrotask(() => {
        const frame = decodeFrame(copy);
        if (frame.header.kind === "hello") this.greet(messageOf(frame));
        else if (!this.broken) engine.came(frame);
      });
    }

    greet({ ticket }) {
      if (!engine.tickets.delete(ticket)) {
        this.drop();
        return;
      }
      this.hear({ header: { to: "", from: "", kind: "welcome" }, body: "{}", buffers: [] });
      engine.channel = this;
      engine.sendAgain();
    }

    hear({ header, body, buffers }) {
      this.messages.push(header);
      const { buffer } = encodeFrame(header, body, buffers);
      queueMicrotask(() => this.broken || this.onmessage({ data: buffer }));
    }

    /** Nothing passes any more, and nobody is told yet. */
    break() {
      this.broken = true;
    }

    drop() {
      this.broken = true;
      this.readyState = 3;
      if (engine.channel === this) {
        engine.channel = null;
        engine.sendAgain();
      }
      this.onclose();
    }

    close() {
      if (this.readyState < 2) queueMicrotask(() => this.drop());
    }
  };
}

/** Speaks engine/README.md to one page; `behaviours` says what a plugin of a name does. */
export class FakeEngine {
  constructor(behaviours = {}) {
    this.behaviours = behaviours;
    this.token = "secret";
    /** No token is looked at for so long, in seconds. */
    this.lockedForS = 0;
    this.reachable = true;
    /** Requests that are not answered: by event. */
    this.silent = new Set();
    /** Answers instead of the usual ones: by event. */
    this.answers = {};
    this.requests = [];
    /** What frames say that begin runs. */
    this.runs = [];
    this.stale = [];
    this.sockets = [];
    this.sessions = new Map();
    this.session = null;
    this.workers = new Map();
    this.tickets = new Set();
    this.shut = false;
    this.channels = [];
    this.channel = null;
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
      const [header, body, ...buffers] = data;
      this.came(fromEvent(header, body, buffers));
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
    if (this.lockedForS > 0) {
      const error = "Too many wrong tokens came from here.";
      const wait = { hint: `Wait ${this.lockedForS} s.`, wait_s: this.lockedForS };
      return { success: false, code: "token-mismatch", error, message: error, ...wait };
    }
    if (token !== this.token) {
      const error = "The token is wrong.";
      const hint = "Use the link that the engine printed.";
      return { success: false, code: "token-mismatch", error, message: error, hint };
    }
    const isKnown = this.sessions.get(sessionId)?.client === id;
    const known = isKnown ? sessionId : `s${++this.count}`;
    if (this.sessions.has(sessionId) && !isKnown) {
      // Another client with that session is a page that was loaded anew: the old one is gone.
      this.sessions.delete(sessionId);
      for (const worker of this.workers.values()) worker.dead = true;
      this.workers.clear();
    }
    if (!isKnown) this.sessions.set(known, new FakeSession(id));
    this.session = this.sessions.get(known);
    queueMicrotask(() => this.sendAgain());
    return {
      session_id: known,
      workspace: "default",
      confirmation: false,
      message: "Connected to the fake.",
      delivery: 1,
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

  open_channel() {
    const ticket = `t${++this.count}`;
    this.tickets.add(ticket);
    return { ticket, path: "/channel" };
  }

  // ── what it sends ──────────────────────────────────────────────────────────────────────────

  event(payload) {
    const { id, instance } = payload;
    const worker = [...this.workers.values()].find((each) => each.instance === instance);
    const ends = { to: worker?.client ?? `client of ${id}`, from: worker?.peer ?? "" };
    this.frame({ ...ends, kind: "event", name: "plugin_event" }, carried(payload));
  }

  frame(header, message) {
    if (this.session !== null) this.put(this.session.sent.number(toFrame(header, message)));
  }

  /** Over the road that there is; what is lost goes again over the next. */
  put(frame) {
    if (this.channel !== null) this.channel.hear(frame);
    else if (this.socket.connected) this.socket.fire("frame", ...toEvent(frame).map(carried));
  }

  sendAgain() {
    for (const frame of this.session?.sent.unacknowledged() ?? []) this.put(frame);
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

  /** A frame of the page, over either road. */
  came(frame) {
    const { sent, incoming, assembler } = this.session;
    if (frame.header.kind === ACK) {
      sent.acknowledged(ackNumber(frame));
      return;
    }
    const taken = incoming.take(frame);
    this.put(incoming.ack());
    if (taken === null) return;
    const { from, to, kind } = taken.header;
    if (kind === CHUNK && !this.silent.has("grant")) {
      const grant = { to: "", from: "", kind: "grant", lane: [from, to], bytes: payloadBytes(taken) };
      this.put(sent.number({ header: grant, body: "", buffers: [] }));
    }
    for (const whole of assembler.feed(taken)) this.relay(whole);
  }

  relay(frame) {
    const { header } = frame;
    if (header.run !== undefined) this.runs.push(header.run);
    const worker = this.workers.get(header.to);
    if (worker === undefined) {
      const reason = { code: "unknown-peer", message: `There is no peer "${header.to}".`, hint: "" };
      this.control("undeliverable", header.from, { to: header.to, ...reason });
      return;
    }
    worker.receive(messageOf(frame), header.from);
  }
}
