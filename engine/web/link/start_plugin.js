/**
 * The start of a plugin for the core: from its config to the object with its functions.
 *
 * The core's promise of a plugin never settles when `startPlugin` rejects, and with it everything
 * that waits for that plugin. So it does not reject: on failure it returns a plugin whose
 * `setup` throws the reason, which the core shows, and ends.
 */

import { LinkError, asError } from "./errors.js";
import { PluginRun } from "./run.js";
import { createPluginRPC } from "./rpc_patches.js";
import { pythonScripts } from "./scripts.js";

/** @typedef {import("./session.js").Session} Session */
/** @typedef {import("./conn.js").PeerConnection} PeerConnection */
/** @typedef {Record<string, any>} PluginApi */

/**
 * What the core gives to act on its plugin; in a plugin file these are remote functions.
 * @typedef {object} EngineUtils
 * @property {(status: {running: boolean}) => unknown} setPluginStatus
 * @property {() => unknown} terminatePlugin
 */

/**
 * What all plugins of one engine share.
 * @typedef {object} Engine
 * @property {Session} session
 * @property {Map<string, PluginRun>} runs by plugin id
 * @property {Map<string, string>} wanted running instances to attach to, by the plugin's name
 * @property {() => Promise<import("./rpc_patches.js").RPCClass>} loadRPC
 * @property {import("./rpc_patches.js").Owners} owners
 * @property {(url: string) => Promise<Response>} load
 * @property {number} exportS how long a script that has left something running may take to export
 *   after it has run, in seconds
 * @property {(name: string) => Record<string, unknown>} beside what the engine is told with a config
 */

/**
 * Return the plugin's functions, or a plugin that says in `setup` why there are none.
 * @param {Engine} engine
 * @param {Record<string, any>} config is told `work_dir`, and `resumed` for one that ran already
 * @param {Record<string, any>} core the functions that the core gives to this plugin
 * @param {EngineUtils} utils
 * @returns {Promise<PluginApi>}
 */
export async function startPlugin(engine, config, core, utils) {
  await replaced(engine.runs.get(String(config.id)));
  const name = String(config.name);
  const run = new PluginRun(engine.session, config, engine.wanted.get(name), engine.beside(name));
  engine.wanted.delete(run.name);
  engine.runs.set(run.id, run);
  void run.ended.then(() => {
    if (engine.runs.get(run.id) === run) engine.runs.delete(run.id);
  });
  try {
    return await started(engine, run, core, utils);
  } catch (thrown) {
    const error = asError(thrown);
    run.stop().catch((reason) => console.warn(String(reason)));
    return {
      _rintf: true,
      setup: async () => {
        throw error;
      },
    };
  }
}

/**
 * End an earlier run of the same plugin, of which the core must not hear: it goes on with the new.
 * @param {PluginRun | undefined} earlier
 */
async function replaced(earlier) {
  if (earlier === undefined) return;
  earlier.tellCore = () => undefined;
  await earlier.stop().catch((reason) => console.warn(String(reason)));
}

/**
 * @param {Engine} engine
 * @param {PluginRun} run
 * @param {Record<string, any>} core
 * @param {EngineUtils} utils
 * @returns {Promise<PluginApi>}
 */
async function started(engine, run, core, utils) {
  const scripts = await run.during(pythonScripts(run.config, engine.load));
  const RPC = await run.during(engine.loadRPC());
  const connection = await run.begin();
  const rpc = createPluginRPC(RPC, connection, { name: run.name, owners: engine.owners });
  connection.on("log", ({ message }) => quietly(() => core.log?.(message)));
  connection.on("error", ({ message }) => quietly(() => core.error?.(message)));
  rpc.on("remoteBusy", () => quietly(() => utils.setPluginStatus({ running: true })));
  rpc.on("remoteIdle", () => quietly(() => utils.setPluginStatus({ running: false })));
  rpc.complete = (/** @type {PluginApi} */ remote) => complete(remote, engine, run);
  run.decode = (value) => rpc._decode(value);
  run.onEnd = (reason) => rpc.close(reason);
  run.onPeerGone = (peer, reason) => rpc.peerGone(peer, reason);

  const { set_up: setUp } = await shakeHands(run, connection);
  // A page may have gone before it had run all scripts: then the plugin is brought up from here.
  run.resumed &&= run.attended || setUp !== false;
  tellWhereItRuns(engine.session.url, run, core);
  const set = run.next("interfaceSetAsRemote");
  rpc.setInterface(core);
  await run.within(Promise.all([rpc.sendInterface(), set]), "did not take the core's functions");
  if (!run.resumed) {
    for (const [index, script] of scripts.entries()) {
      await execute(run, connection, { ...script, index });
    }
  }
  const exported = new Promise((resolve) => rpc.once("remoteReady", resolve));
  const complaint = complaintOf(connection, engine.exportS);
  rpc.requestRemote();
  await run.during(Promise.race([exported, complaint]));

  run.tellCore = () => {
    quietly(() => utils.setPluginStatus({ running: false }));
    quietly(() => utils.terminatePlugin());
  };
  return rpc.getRemote();
}

/**
 * @param {PluginRun} run
 * @param {PeerConnection} connection
 * @returns {Promise<Record<string, any>>} what the worker says of itself
 */
async function shakeHands(run, connection) {
  const { name, type, tag, workspace } = run.config;
  const initialized = run.next("initialized");
  connection.emit({
    type: "initialize",
    config: { name, type, tag, workspace, allow_execution: true },
    peer_id: connection.worker,
  });
  const { error, config } = await run.within(initialized, "did not get ready");
  if (error) throw new LinkError(`The plugin "${run.name}" cannot start: ${error}`);
  return config ?? {};
}

/**
 * @param {PluginRun} run
 * @param {PeerConnection} connection
 * @param {import("./scripts.js").Script & {index: number}} script its place among the scripts
 */
async function execute(run, connection, script) {
  const executed = run.next("executed");
  connection.emit({ type: "execute", code: script });
  const { error } = await executed;
  if (error) throw new LinkError(String(error), { code: "script-failed" });
}

/**
 * Reject when the worker says that no interface will come; when it says only that there is none yet,
 * some time after. A script may export its functions later, from what it has begun in the background.
 * @param {PeerConnection} connection
 * @param {number} patienceS
 * @returns {Promise<never>}
 */
function complaintOf(connection, patienceS) {
  return new Promise((_, reject) => {
    connection.on("error", ({ message, code, pending }) => {
      if (code !== "nothing-exported") return;
      const hint = "End the script with api.export(…): it says which functions the plugin has.";
      const error = new LinkError(String(message), { code, hint });
      if (pending === false) reject(error);
      else setTimeout(() => reject(error), patienceS * 1000);
    });
  });
}

/**
 * The core sends its `config` empty and knows no file manager, so the plugin is told here.
 * @param {string} url
 * @param {PluginRun} run
 * @param {Record<string, any>} core
 */
function tellWhereItRuns(url, run, core) {
  const { name, id, type, tag, workspace, namespace, flags, engine_mode } = run.config;
  run.config.work_dir = run.workDir;
  if (run.resumed) run.config.resumed = true;
  core.ENGINE_URL = url;
  core.FILE_MANAGER_URL = url;
  core.config = {
    ...{ name, id, type, tag, workspace, namespace, flags, engine_mode },
    ...{ engine: url, file_manager: url, work_dir: run.workDir },
  };
}

/**
 * Add what the core and its user interface expect of every plugin.
 * @param {PluginApi} remote
 * @param {Engine} engine
 * @param {PluginRun} run
 */
function complete(remote, { session }, run) {
  const nothing = async () => undefined;
  remote.ENGINE_URL = session.url;
  remote.FILE_MANAGER_URL = session.url;
  remote.setup ??= nothing;
  // A plugin that runs already is not set up twice because it has nothing to do on return.
  if (run.resumed) remote.resume ??= nothing;
  remote.exit = () => run.stop().catch((error) => console.warn(String(error)));
}

/** @param {() => unknown} tell a function of the core, which may be far away and gone */
function quietly(tell) {
  Promise.resolve()
    .then(tell)
    .catch((error) => console.warn("The core could not be told.", error));
}
