/**
 * The browser's end of the engine: one link for the page, whatever happens to the connection.
 *
 *     const link = await createEngineLink({ url, token, clientId, io, loadRPC });
 *     link.on("state", ({ state, message }) => …);
 *     await link.register(imjoy);
 */

import { registerWithCore } from "./engine.js";
import { Emitter } from "./events.js";
import { EngineFiles } from "./files.js";
import { keptValue } from "./kept_values.js";
import { RunRecords } from "./run_records.js";
import { Session } from "./session.js";
import { startPlugin } from "./start_plugin.js";

export { LinkError } from "./errors.js";
export { currentCall } from "./incoming.js";

const EXPORT_S = 30;

/** @typedef {import("./rpc_patches.js").RPCClass} RPCClass */
/** @typedef {import("./start_plugin.js").EngineUtils} EngineUtils */
/** @typedef {(url: string, init?: RequestInit) => Promise<Response>} Load */

/**
 * @typedef {object} LinkOptions
 * @property {string} url the engine's, as this page reaches it
 * @property {string} token
 * @property {string} [workspace]
 * @property {string} [clientId]
 * @property {import("./socket.js").SocketMaker} io socket.io-client's
 * @property {() => Promise<RPCClass>} loadRPC returns the `RPC` class of imjoy-rpc
 * @property {string} [name] what the core calls the engine; unique among its engines
 * @property {Storage | null} [storage] keeps the session over a reload; sessionStorage by default
 * @property {Load} [fetch]
 * @property {number} [graceS] how long a dropped connection is hidden from the core, in seconds; the engine says
 * @property {number} [exportS] how long a script that has run may take to export something
 * @property {typeof globalThis.WebSocket | null} [WebSocket] opens the data channel; null: Socket.IO only
 * @property {boolean} [asks] somebody listens to `plugin` events `consent` and calls `answerConsent`
 * @property {(name: string) => Record<string, unknown>} [choicesOf] what a person decided about the
 *   environment of the plugin of that name: `allow_build`, `exclude_newer`, `python`, `packed`
 * @property {number} [retryS] how long to wait after the engine has closed the connection
 */

/**
 * Return the link when the first attempt to connect has ended, well or not: see its `state`.
 * @param {LinkOptions} options
 * @returns {Promise<EngineLink>}
 */
export async function createEngineLink(options) {
  const link = new EngineLink(options);
  const settled = new Promise((resolve) => {
    const off = link.on("state", ({ state }) => {
      if (state === "connecting") return;
      off();
      resolve(undefined);
    });
  });
  link.connect().catch(() => undefined);
  await settled;
  return link;
}

/**
 * Fires `state {state, message}` and `plugin {id, name, instance, event, …}` (the engine's
 * `plugin_event`, with the plugin's name) and `run` (a RunRecord, when it changes).
 */
export class EngineLink {
  /** @param {LinkOptions} options */
  constructor(options) {
    const load = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.options = options;
    this.name = options.name ?? "ImJoy Engine";
    this.events = new Emitter();
    this.session = new Session({
      ...options,
      clientId: options.clientId ?? "page",
      storage: options.storage === undefined ? pageStorage() : options.storage,
    });
    this.files = new EngineFiles(this.session, load);
    /** @type {Map<string, import("./run.js").PluginRun>} */
    this.runs = new Map();
    this.runRecords = new RunRecords(this.session, (record, value) => this.decoded(record, value));
    /** @type {Map<string, string>} also of plugins that have ended: their last events still come */
    this.names = new Map();
    /** @type {Promise<RPCClass> | undefined} */
    this.rpc = undefined;
    /** @type {import("./start_plugin.js").Engine} */
    this.engine = {
      session: this.session,
      runs: this.runs,
      wanted: new Map(),
      loadRPC: () => this.loadRPC(),
      owners: new WeakMap(),
      load,
      exportS: options.exportS ?? EXPORT_S,
      beside: (/** @type {string} */ name) => ({
        asks: options.asks === true,
        environment: options.choicesOf?.(name) ?? {},
      }),
    };
    this.listen();
  }

  get url() {
    return this.session.url;
  }

  /** "connecting", "online", "offline" or "refused" */
  get state() {
    return this.session.state;
  }

  /** What a person is told about `state`. */
  get message() {
    return this.session.message;
  }

  /** When a page that was refused tries again by itself, in milliseconds; 0: it does not. */
  get retryAt() {
    return this.session.retryAt;
  }

  /** `engine_info` of the engine, null before the first connection. */
  get info() {
    return this.session.info;
  }

  /** Whether the core should count on the engine: true also during a short drop. */
  get isLive() {
    return this.session.isLive;
  }

  /**
   * @param {"state" | "plugin" | "run"} event
   * @param {(data: any) => void} listener
   * @returns {() => void} stops it
   */
  on(event, listener) {
    return this.events.on(event, listener);
  }

  /**
   * Make the core start its native-python plugins here.
   * @param {{em: any, fm: any}} imjoy the core, before or after its start
   */
  register(imjoy) {
    return registerWithCore(this, imjoy, (config) => {
      const url = new URL(config.url, this.url);
      const token = config.token ?? url.searchParams.get("token") ?? "";
      url.search = "";
      const name = config.name ?? url.host;
      return createEngineLink({ ...this.options, url: url.href, token, name });
    });
  }

  /** Resolve when online; LinkError says why it cannot be. */
  connect() {
    return this.session.connect();
  }

  /** Resolve when the plugins that are being stopped have ended and the connection is closed. */
  async disconnect() {
    const stopping = [...this.runs.values()].filter((run) => run.stopping);
    await Promise.all(stopping.map((run) => run.ended));
    this.session.close();
  }

  /** Close the connection and never come back; plugins that nobody else uses end. */
  close() {
    this.session.close();
  }

  /** @param {string} token used from now on */
  setToken(token) {
    this.session.setToken(token);
  }

  /**
   * For the core: never rejects; see `start_plugin.js`.
   * @param {Record<string, any>} config
   * @param {Record<string, any>} core
   * @param {EngineUtils} utils
   * @returns {Promise<Record<string, any>>}
   */
  startPlugin(config, core, utils) {
    return startPlugin(this.engine, config, core, utils);
  }

  /**
   * Return this page's end of a plugin, by its name or its instance.
   * @param {{name?: string, instance?: string}} wanted
   */
  runOf({ name, instance }) {
    return [...this.runs.values()].find((run) => run.name === name || run.instance === instance);
  }

  /**
   * Return the last of what a running instance has printed, or a plugin when it ran last, in pieces,
   * and when each came, in seconds; null where nobody knows.
   * @param {{instance: string} | {plugin: string}} whom
   * @returns {Promise<{text: string, time_s: number | null}[]>}
   */
  async logOf(whom) {
    const { parts } = await this.session.request("get_plugin_log", whom);
    return parts ?? [];
  }

  /**
   * Return a value of a run's plugin, read by this page's end of it, if there is one.
   * @param {import("./run_records.js").RunRecord} record
   * @param {any} encoded
   * @returns {Promise<any>}
   */
  decoded({ instance, plugin }, encoded) {
    const decode = this.runOf({ instance })?.decode;
    return decode ? decode(encoded) : keptValue(encoded, plugin, this.engine);
  }

  /**
   * Have the next start of a plugin attach to this running instance of it, also to one that
   * somebody else uses.
   * @param {string} name
   * @param {string} instance
   */
  attachNext(name, instance) {
    this.engine.wanted.set(name, instance);
  }

  /**
   * Return the plugin file of a running instance, "" when nobody has told the engine.
   * @param {string} instance
   * @returns {Promise<string>}
   */
  async sourceOf(instance) {
    const { source } = await this.session.request("get_plugin_source", { instance });
    return String(source ?? "");
  }

  /**
   * Resolve when the plugin is stopped, also one that is still being started.
   * @param {string} id
   */
  async killPlugin(id) {
    const run = this.runs.get(id);
    if (run !== undefined) await run.stop();
    else await this.session.request("kill_plugin", { id }, { timeoutS: 60 });
  }

  /**
   * Resolve when that process of a plugin is gone, or, with null, those of all plugins.
   * @param {number | null} pid
   */
  async killProcess(pid) {
    const payload = pid === null ? { all: true } : { pid };
    await this.session.request("kill_plugin_process", payload, { timeoutS: 60 });
  }

  /**
   * Resolve when the engine knows whether a plugin may run the commands of a `consent` event.
   * @param {string} id the plugin's
   * @param {string} question of the event
   * @param {boolean} allow
   */
  async answerConsent(id, question, allow) {
    await this.session.request("answer_consent", { id, question, allow });
  }

  /** Return `{plugin_num, plugin_processes: [{name, pid, id, state}], engine_process}`. */
  async status() {
    const { success, ...status } = await this.session.request("get_engine_status", {});
    return status;
  }

  /** @type {EngineFiles["listFiles"]} */
  listFiles(root, type, recursive) {
    return this.files.listFiles(root, type, recursive);
  }

  /** @type {EngineFiles["removeFile"]} */
  removeFile(path, type, recursive) {
    return this.files.removeFile(path, type, recursive);
  }

  /** @type {EngineFiles["getFileUrl"]} */
  getFileUrl(config) {
    return this.files.getFileUrl(config);
  }

  /** @type {EngineFiles["requestUploadUrl"]} */
  requestUploadUrl(config) {
    return this.files.requestUploadUrl(config);
  }

  /** @type {EngineFiles["putFile"]} */
  putFile(file, path, how) {
    return this.files.putFile(file, path, how);
  }

  /** @returns {Promise<RPCClass>} */
  loadRPC() {
    this.rpc ??= this.options.loadRPC().catch((error) => {
      this.rpc = undefined;
      throw error;
    });
    return this.rpc;
  }

  listen() {
    const { session, runs, events } = this;
    session.on("state", (change) => events.fire("state", change));
    session.on("run_event", ({ run }) => events.fire("run", run));
    session.on("plugin", (event) => {
      const run = runs.get(event.id);
      if (run !== undefined) this.names.set(run.id, run.name);
      events.fire("plugin", { name: this.names.get(event.id) ?? event.id, ...event });
      run?.hear(event);
    });
    session.on("peer_gone", ({ peer, reason }) => {
      for (const run of [...runs.values()]) run.peerGone(peer, reason ?? {});
    });
    session.on("undeliverable", ({ to, ...reason }) => {
      for (const run of [...runs.values()]) run.peerGone(to, reason);
    });
    session.on("lost", (error) => {
      for (const run of [...runs.values()]) {
        const { id, name } = run;
        run.finish(error);
        // An engine that has begun anew knows nothing of the plugin, so nobody else says it.
        const { code } = error;
        if (code === "session-lost") {
          const detail = run.mayDetach ? error.sentence : `${error.sentence} The plugin has ended.`;
          events.fire("plugin", { id, name, event: "state", state: "stopped", detail, code });
        }
      }
    });
  }
}

/** @returns {Storage | null} */
function pageStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    // A page in a sandbox may not even look.
    return null;
  }
}
