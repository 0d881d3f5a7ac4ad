/**
 * The connection to the engine and the session that outlives it: registering, requests with an
 * answer, frames between peers.
 *
 * A short drop is hidden: frames wait for the same session to come back, and are forgotten when
 * another one comes instead. A request never waits: what is asked later means something else.
 *
 * What is not here: what is told of its state (`standing.js`), how frames travel (`traffic.js`,
 * `roads.js`), what they say (`conn.js`), what the requests are for (`index.js`).
 */

import { LinkError, errorOf, isRecord } from "./errors.js";
import { SessionMemory } from "./memory.js";
import { checkedSize, fromEvent, messageOf, toFrame } from "./frames.js";
import { Peers } from "./peers.js";
import { Requests } from "./requests.js";
import { Roads } from "./roads.js";
import { openSocket } from "./socket.js";
import { Standing } from "./standing.js";
import { Traffic } from "./traffic.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./frames.js").Header} Header */
/** @typedef {import("./peers.js").Receiver} Receiver */
/** @typedef {import("./requests.js").RequestOptions} RequestOptions */

/**
 * @typedef {object} SessionOptions
 * @property {string} url the engine's
 * @property {string} token
 * @property {string} [workspace]
 * @property {string} clientId
 * @property {import("./socket.js").SocketMaker} io socket.io-client's
 * @property {Storage | null} [storage] where the session's id survives a reload of the page
 * @property {number} [graceS] how long a drop is hidden, in seconds; by default, as long as the engine keeps the session
 * @property {typeof globalThis.WebSocket | null} [WebSocket] opens the data channel; null: none is opened
 * @property {number} [retryS] how long to wait after the engine has closed the connection
 */

/** Until the engine has said how long it keeps a session. */
const GRACE_S = 15;
const LOST = "The connection to the engine is lost.";
const CONNECT_TIMEOUT_S = 10;
const REGISTER_TIMEOUT_S = 30;
/** What may wait for the session to come back. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

/**
 * Fires `state {state, message}`, `plugin` (a plugin_event), `peer_gone {peer, reason}`,
 * `undeliverable {to, code, message, hint}`, `run_event {run}` (what is known of a run, when it
 * changes), `run {run, message}` (the answer of one that was asked for) and `lost` (an Error) when the ends of all peers are
 * gone: the grace is over, or the engine has begun a new session.
 */
export class Session extends Standing {
  /** @param {SessionOptions} options */
  constructor(options) {
    const { url, token, workspace, clientId, io, storage, graceS, retryS = 2 } = options;
    super(url);
    this.token = token;
    this.workspace = workspace;
    this.page = clientId;
    this.clientId = newClientId(clientId);
    this.graceS = graceS ?? GRACE_S;
    this.graceIsGiven = graceS !== undefined;
    this.retryS = retryS;
    this.goodbye = LOST;
    /** @type {Record<string, any> | null} */
    this.info = null;
    this.maxMessageBytes = Infinity;
    this.memory = new SessionMemory(`imjoy-engine-session:${url}`, storage ?? null);
    this.wanted = true;
    this.peers = new Peers();
    this.requests = new Requests();
    /** @type {[event: string, payload: object][]} what is asked when the session is back */
    this.later = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.graceTimer = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retryTimer = undefined;
    this.socket = openSocket(io, url);
    this.traffic = new Traffic((frame) => this.receive(frame));
    const { WebSocket = globalThis.WebSocket } = options;
    this.roads = new Roads(this.traffic, this.socket, { url, WebSocket: WebSocket ?? undefined });
    this.listen();
  }

  /** Whether the core should think that the engine is there: online, or only just dropped. */
  get isLive() {
    return this.state === "online" || this.graceTimer !== undefined;
  }

  /**
   * Resolve when online; reject with the sentence that people need when it is refused or fails.
   * @param {number} [timeoutS]
   * @returns {Promise<void>}
   */
  connect(timeoutS = CONNECT_TIMEOUT_S) {
    this.wanted = true;
    const settled = this.settled(timeoutS);
    if (this.socket.connected) {
      if (this.state === "refused") this.register();
    } else {
      if (this.state !== "offline") this.enter("connecting", `Connecting to ${this.url} …`);
      this.socket.connect();
    }
    return settled;
  }

  /** Close the connection and stay away; the peers' ends are given up. */
  close() {
    this.wanted = false;
    clearTimeout(this.retryTimer);
    this.socket.disconnect();
    this.enter("offline", "The page has disconnected from the engine.");
    this.leave(new LinkError("The page has disconnected from the engine."));
  }

  /**
   * Use another token from now on, and try again at once where the last one was refused.
   * @param {string} token
   */
  setToken(token) {
    this.token = token;
    if (this.state !== "online") this.connect().catch(() => undefined);
  }

  /**
   * Ask the engine and return its answer; LinkError when it says no, is away or stays silent.
   * @param {string} event
   * @param {object} payload
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  request(event, payload, options = {}) {
    if (this.state !== "online") return Promise.reject(this.awayError());
    return this.requests.ask(this.socket, event, payload, options);
  }

  /**
   * Ask as soon as this session is back, and never if it does not come back.
   * @param {string} event
   * @param {object} payload
   */
  requestLater(event, payload) {
    this.later.push([event, payload]);
  }

  /**
   * Send one frame to a peer, now or when this session is back. LinkError when it is too long or
   * cannot wait.
   * @param {Header} header
   * @param {object} message
   */
  sendFrame(header, message) {
    const frame = toFrame(header, message);
    const bytes = checkedSize(frame, this.maxMessageBytes);
    const mayWait = this.isLive && this.traffic.waitingBytes + bytes <= MAX_WAITING_BYTES;
    if (this.state !== "online" && !mayWait) throw this.awayError();
    this.traffic.send(frame);
  }

  /**
   * Hand every message for `peer` to `receive`, first those that came before they were expected.
   * @param {string} peer
   * @param {Receiver} receive
   */
  attach(peer, receive) {
    this.peers.attach(peer, receive);
  }

  /**
   * Forget the peer, and what it still wanted to send.
   * @param {string} peer
   */
  detach(peer) {
    this.peers.detach(peer);
    this.traffic.forget(peer);
  }

  // ── the socket ─────────────────────────────────────────────────────────────────────────────

  listen() {
    const { socket } = this;
    socket.on("connect", () => this.register());
    socket.on("disconnect", (reason) => this.dropped(String(reason)));
    socket.on("connect_error", (error) => this.unreachable(error));
    socket.on("closing", (said) => {
      this.goodbye = errorOf(said, "The engine closes the connection.").sentence;
    });
    socket.on("client_error", (said) => console.error(String(errorOf(said, "A frame was bad."))));
    socket.on("frame", (header, body, ...buffers) => {
      const frame = fromEvent(header, body, buffers);
      if (frame !== null) this.traffic.arrived(frame);
      else console.error("The engine sent something that is not a frame.", header);
    });
  }

  register() {
    const known = this.memory.sessionId;
    const payload = {
      id: this.clientId,
      workspace: this.workspace,
      session_id: known,
      token: this.token,
      base_url: this.url,
      delivery: 1,
    };
    const options = {
      timeoutS: REGISTER_TIMEOUT_S,
      accept: (/** @type {Record<string, any>} */ answer) => this.registered(answer, known),
    };
    this.requests
      .ask(this.socket, "register_client", payload, options)
      .catch((error) => this.refused(error));
  }

  /**
   * @param {Record<string, any>} answer
   * @param {string | null} known the session that was asked for
   */
  registered(answer, known) {
    const sessionId = String(answer.session_id);
    const limits = isRecord(answer.limits) ? answer.limits : {};
    const { max_message_bytes: limit, session_grace_s: keptS } = limits;
    this.info = isRecord(answer.engine_info) ? answer.engine_info : {};
    this.maxMessageBytes = typeof limit === "number" ? limit : Infinity;
    if (!this.graceIsGiven && typeof keptS === "number") this.graceS = keptS;
    if (known !== null && sessionId !== known) {
      this.lose(
        new LinkError("The engine was started anew, or this page was away for too long.", {
          code: "session-lost",
          hint: "Reload the plugin to start it again.",
        }),
      );
    }
    this.memory.sessionId = sessionId;
    this.goodbye = LOST;
    this.endGrace();
    this.enter("online", typeof answer.message === "string" ? answer.message : "");
    this.roads.registered(() => this.request("open_channel", {}));
    for (const [event, payload] of this.later.splice(0)) {
      this.request(event, payload).catch((error) => console.warn(String(error)));
    }
  }

  /** @param {LinkError} error why the engine does not let us in */
  refused(error) {
    if (error.code === "not-connected") return;
    if (error.code === "no-answer") {
      this.socket.disconnect();
      this.retryLater();
      return;
    }
    this.leave(error);
    // With a token that was wrong nothing is tried again.
    clearTimeout(this.retryTimer);
    const { waitS } = error;
    if (waitS > 0) this.enter("refused", error.sentence, Date.now() + waitS * 1000);
    else this.enter("refused", error.message);
    this.socket.disconnect();
    if (waitS > 0) this.retryLater(waitS);
  }

  /** @param {string} reason in socket.io's words */
  dropped(reason) {
    this.requests.fail(this.awayError());
    this.roads.dropped();
    if (this.state === "refused" || !this.wanted) return;
    if (this.state === "online") {
      this.graceTimer = setTimeout(() => {
        this.leave(this.awayError());
      }, this.graceS * 1000);
    }
    this.enter("offline", `${this.goodbye} Trying to connect again …`);
    if (reason === "io server disconnect") this.retryLater();
  }

  /** @param {unknown} error */
  unreachable(error) {
    if (!this.wanted) return;
    if (this.socket.active === false) {
      this.leave(this.awayError());
      this.enter("refused", `The engine refuses the connection: ${String(error)}`);
      return;
    }
    // What it has said when it went is known better than that it is away.
    const reason = this.goodbye === LOST ? `The engine at ${this.url} cannot be reached.` : this.goodbye;
    this.enter("offline", `${reason} Trying to connect again …`);
  }

  /** @param {number} [waitS] */
  retryLater(waitS = this.retryS) {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      if (this.wanted && !this.socket.connected) this.socket.connect();
    }, waitS * 1000);
  }

  // ── what comes ─────────────────────────────────────────────────────────────────────────────

  /** @param {Frame} frame */
  receive(frame) {
    const { header } = frame;
    let message;
    try {
      message = messageOf(frame);
    } catch (error) {
      console.error("A frame could not be read.", header, error);
      return;
    }
    if (header.kind === "rpc") this.peers.deliver(header, message);
    else if (isRecord(message)) this.hear(header, message);
  }

  /**
   * @param {Header} header
   * @param {Record<string, any>} message the engine's own words
   */
  hear({ from, kind, name, run }, message) {
    if (kind === "event") {
      this.fire(name === "plugin_event" ? "plugin" : String(name), message);
    } else if (from === "") {
      if (kind === "peer_gone") this.traffic.forget(String(message.peer));
      this.fire(kind, kind === "run" ? { run, message } : message);
    }
  }

  // ── bookkeeping ────────────────────────────────────────────────────────────────────────────

  endGrace() {
    clearTimeout(this.graceTimer);
    this.graceTimer = undefined;
  }

  /**
   * Give up what the session has here, for good: when it comes back, another client does. The
   * engine takes that for a page that was loaded anew; what still runs there can be attached to.
   * @param {LinkError} error
   */
  leave(error) {
    this.clientId = newClientId(this.page);
    this.lose(error);
  }

  /** @param {LinkError} error why nobody will answer any more */
  lose(error) {
    this.endGrace();
    this.roads.close();
    this.traffic.begin();
    this.later = [];
    this.peers.forgetEarly();
    this.fire("lost", error);
  }
}

/**
 * @param {string} page
 * @returns {string}
 */
function newClientId(page) {
  return `${page}:${Math.random().toString(36).slice(2)}`;
}
