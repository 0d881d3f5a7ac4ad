/**
 * One plugin on the engine, from `init_plugin` to its end: what the engine says of it, and the
 * one place where everybody who waits for it is told that it is gone.
 */

import { PeerConnection } from "./conn.js";
import { LinkError, errorOf, exitError, stoppedError } from "./errors.js";
import { PendingCalls } from "./pending.js";

/** @typedef {import("./session.js").Session} Session */

/** What the worker itself must answer promptly, in seconds; plugin code is never timed. */
const HANDSHAKE_TIMEOUT_S = 60;
const KILL_TIMEOUT_S = 60;

/** Config fields that the engine has no use for: source, pictures, the core's own objects. */
const KEPT_HERE = new Set(
  ("script scripts docs attachments links windows styles cover badges engine plugin " +
    "scoped_plugins _callbacks").split(" "),
);

export class PluginRun {
  /**
   * @param {Session} session
   * @param {Record<string, any>} config the plugin's, as the core has parsed it
   * @param {string | null} [wanted] the running instance to attach to, when it is known
   * @param {Record<string, unknown>} [beside] what the engine is told with the config
   */
  constructor(session, config, wanted = null, beside = {}) {
    this.session = session;
    this.config = config;
    this.wanted = wanted;
    this.beside = beside;
    this.id = String(config.id);
    this.name = String(config.name);
    /** @type {string | null} */
    this.instance = null;
    /** @type {Record<string, any>[]} events that came before it was known which run they are of */
    this.unheard = [];
    this.workDir = "";
    /** Whether it ran already, and somebody has called its `setup`. */
    this.resumed = false;
    /** Whether another client that is there now has brought it up. */
    this.attended = false;
    /** @type {((value: any) => Promise<any>) | undefined} reads a value of the plugin's */
    this.decode = undefined;
    /** @type {PeerConnection | null} */
    this.connection = null;
    /** @type {Error | null} */
    this.end = null;
    this.stopping = false;
    this.waits = new PendingCalls(() => undefined);
    /** @type {Promise<any> | undefined} */
    this.greeting = undefined;
    /** @type {(error: Error) => void} called once, when the plugin is gone */
    this.onEnd = () => undefined;
    /** @type {() => void} called after it, so that the core gives up its plugin */
    this.tellCore = () => undefined;
    /** @type {(peer: string, error: Error) => void} for any peer but the plugin's own worker */
    this.onPeerGone = () => undefined;
    /** @type {() => void} */
    this.becomeReady = () => undefined;
    /** @type {Promise<void>} */
    this.ready = new Promise((resolve) => {
      this.becomeReady = resolve;
    });
    /** @type {() => void} */
    this.becomeEnded = () => undefined;
    /** @type {Promise<void>} */
    this.ended = new Promise((resolve) => {
      this.becomeEnded = resolve;
    });
  }

  /** Whether it lives on without a client, and without an engine. */
  get mayDetach() {
    const { flags } = this.config;
    return Array.isArray(flags) && flags.includes("allow-detach");
  }

  /**
   * Ask the engine for the plugin; resolve when its worker is there, however long its environment
   * takes. LinkError when it cannot be.
   * @returns {Promise<PeerConnection>}
   */
  async begin() {
    // The core makes a new id on every load: the plugin that still runs is known by its name.
    const payload = {
      id: this.id,
      config: engineConfig(this.config),
      resume: true,
      ...this.beside,
      ...(this.wanted === null ? {} : { instance: this.wanted }),
    };
    await this.during(
      this.session.request("init_plugin", payload, { accept: (answer) => this.accepted(answer) }),
    );
    // The worker may greet before the engine says that it is ready, so this waits for both.
    await this.during(this.ready);
    const connection = /** @type {PeerConnection} */ (this.connection);
    await this.within(this.greeting, "did not greet");
    return connection;
  }

  /** @param {Record<string, any>} answer */
  accepted(answer) {
    this.instance = String(answer.instance);
    this.workDir = String(answer.work_dir ?? "");
    this.resumed = answer.resumed === true;
    this.attended = answer.attended === true;
    const peers = { worker: String(answer.peer_id), own: String(answer.client_peer) };
    if (this.end !== null) return;
    this.connection = new PeerConnection(this.session, peers);
    this.greeting = this.next("imjoyRPCReady");
    this.connection.on("disconnect", () => void this.stop().catch(() => undefined));
    this.connection.open();
    this.changed(answer.state, answer);
    for (const event of this.unheard.splice(0)) this.hear(event);
  }

  /**
   * Resolve with the next message of that type from the worker, or reject when it is gone.
   * @param {string} type
   * @returns {Promise<any>}
   */
  next(type) {
    const connection = this.connection;
    if (connection === null) throw new LinkError(`The plugin "${this.name}" has no connection.`);
    return this.during(new Promise((resolve) => connection.once(type, resolve)));
  }

  /**
   * Settle as `promise` does, or reject when the plugin is gone before.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  during(promise) {
    const objection = this.waits.objection(this.id);
    if (objection) {
      promise.catch(() => undefined);
      return Promise.reject(objection);
    }
    const wait = this.waits.open(this.id);
    promise.then(wait.resolve, wait.reject);
    // Who waits still hears of a rejection; one that nobody waits for any more is no news.
    wait.promise.catch(() => undefined);
    return wait.promise;
  }

  /**
   * As `during`, for what the worker answers without running any of the plugin's code.
   * @template T
   * @param {Promise<T> | undefined} promise
   * @param {string} failing what the plugin's process then did not do
   * @returns {Promise<T>}
   */
  async within(promise, failing) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** @type {Promise<never>} */
    const late = new Promise((_, reject) => {
      const sentence = `The process of "${this.name}" ${failing} within ${HANDSHAKE_TIMEOUT_S} s.`;
      const error = new LinkError(sentence, {
        code: "no-answer",
        hint: "The machine may be overloaded: reload the plugin.",
      });
      timer = setTimeout(() => reject(error), HANDSHAKE_TIMEOUT_S * 1000);
    });
    try {
      return /** @type {T} */ (await this.during(Promise.race([promise, late])));
    } finally {
      clearTimeout(timer);
    }
  }

  // ── what the engine says ───────────────────────────────────────────────────────────────────

  /** @param {Record<string, any>} event a `plugin_event` with this plugin's id */
  hear(event) {
    if (this.instance === null) {
      // The answer to init_plugin takes another road than events do, also those of an earlier run.
      this.unheard.push(event);
      return;
    }
    if (event.instance !== this.instance) return;
    if (event.event === "state") this.changed(event.state, event);
    if (event.event === "exit") this.finish(exitError(this.name, event));
  }

  /**
   * @param {unknown} state
   * @param {Record<string, any>} detail
   */
  changed(state, detail) {
    if (state === "ready") this.becomeReady();
    // A process that comes after this one is another run.
    if (state === "failed" || state === "backoff") {
      this.finish(errorOf(detail.error, `The plugin "${this.name}" could not be started.`));
    }
    if (state === "stopped") this.finish(this.stopped());
  }

  /**
   * @param {string} peer
   * @param {Record<string, any>} reason
   */
  peerGone(peer, reason) {
    const error = exitError(this.name, reason);
    if (peer === this.connection?.worker) this.finish(error);
    else this.onPeerGone(peer, error);
  }

  // ── its end ────────────────────────────────────────────────────────────────────────────────

  /**
   * Resolve when the plugin's process tree is gone, or will be as soon as the engine is back.
   * LinkError when the engine could not end it.
   * @returns {Promise<void>}
   */
  async stop() {
    if (this.end !== null) return;
    this.stopping = true;
    const payload = { id: this.id };
    try {
      if (this.session.state === "online") {
        await this.session.request("kill_plugin", payload, { timeoutS: KILL_TIMEOUT_S });
      } else {
        this.session.requestLater("kill_plugin", payload);
      }
    } finally {
      this.finish(this.stopped());
    }
  }

  /**
   * Tell everybody who waits that the plugin is gone; the first reason counts.
   * @param {Error} reason
   */
  finish(reason) {
    if (this.end !== null) return;
    this.end = this.stopping ? this.stopped() : reason;
    this.waits.close(this.end);
    this.connection?.disconnect();
    this.onEnd(this.end);
    this.tellCore();
    this.becomeEnded();
  }

  /** @returns {LinkError} */
  stopped() {
    return stoppedError(this.name);
  }
}

/**
 * Return the part of a plugin's config that the engine needs, as plain JSON.
 * @param {Record<string, any>} config
 * @returns {Record<string, any>}
 */
export function engineConfig(config) {
  const wanted = Object.entries(config).filter(([key]) => !KEPT_HERE.has(key));
  const plain = wanted.flatMap(([key, value]) => {
    try {
      const text = JSON.stringify(value);
      return text === undefined ? [] : [[key, JSON.parse(text)]];
    } catch {
      // A field that holds itself, or a live object of the page: not the author's words.
      return [];
    }
  });
  return Object.fromEntries(plain);
}
