/** The engine as the core knows it: an engine, a factory of engines, and a file manager. */

import { LinkError } from "./errors.js";

/** @typedef {import("./index.js").EngineLink} EngineLink */

const FACTORY = "ImJoy-Engine";
const ICON = "🚀";

/**
 * Make the core start native-python plugins on the engine, and find its files.
 * @param {EngineLink} link
 * @param {{em: any, fm: any}} imjoy the core
 * @param {(config: Record<string, any>) => Promise<EngineLink>} linkTo reaches another engine
 */
export async function registerWithCore(link, imjoy, linkTo) {
  // The core would close the engine of that address before it takes the new one: the same link.
  if (imjoy.em.getEngineByUrl(link.url)) return;
  imjoy.em.registerFactory(engineFactory(link, imjoy, linkTo));
  await imjoy.em.register(engineService(link));
  await imjoy.fm.register(fileManager(link));
}

/**
 * @param {EngineLink} link
 * @returns {Record<string, any>}
 */
export function engineService(link) {
  const connect = () => link.connect();
  const disconnect = () => link.disconnect();
  return {
    type: "engine",
    pluginType: "native-python",
    factory: FACTORY,
    icon: ICON,
    name: link.name,
    url: link.url,
    config: { url: link.url },
    // The page shows how the connection stands; registering must not wait for it.
    lazy_connection: true,
    connect,
    disconnect,
    enable: connect,
    disable: disconnect,
    heartbeat: async () => link.isLive,
    getEngineConfig: async () => ({ ...link.info }),
    getEngineStatus: () => link.status(),
    startPlugin: link.startPlugin.bind(link),
    killPlugin: (/** @type {{id: string}} */ config) => link.killPlugin(config.id),
    killPluginProcess: (/** @type {{pid: number} | undefined} */ entry) =>
      link.killProcess(entry?.pid ?? null),
  };
}

/**
 * @param {EngineLink} link
 * @param {{em: any, fm: any}} imjoy
 * @param {(config: Record<string, any>) => Promise<EngineLink>} linkTo
 * @returns {Record<string, any>}
 */
function engineFactory(link, imjoy, linkTo) {
  /** @type {Map<string, EngineLink>} */
  const others = new Map();
  return {
    type: "engine-factory",
    name: FACTORY,
    icon: ICON,
    url: link.url,
    config: {},
    /** @param {Record<string, any>} [config] `{url, token, name?}`; without a url: this engine */
    async addEngine(config) {
      if (!config?.url || new URL(config.url, link.url).href === new URL(link.url).href) {
        if (config?.token) link.setToken(config.token);
        await link.connect();
        if (!imjoy.em.getEngineByUrl(link.url)) await imjoy.em.register(engineService(link));
        return;
      }
      const other = await linkTo(config);
      if (other.state !== "online") {
        const error = new LinkError(other.message, { code: "not-connected" });
        other.close();
        throw error;
      }
      others.set(other.url, other);
      await imjoy.em.register(engineService(other));
      await imjoy.fm.register(fileManager(other));
    },
    /**
     * @param {{url: string}} config
     * @returns {Promise<boolean>} whether the core may forget it
     */
    async removeEngine({ url }) {
      const other = others.get(url);
      others.delete(url);
      await other?.disconnect();
      return true;
    },
  };
}

/**
 * @param {EngineLink} link
 * @returns {Record<string, any>}
 */
export function fileManager(link) {
  const removeFile = link.removeFile.bind(link);
  return {
    type: "file-manager",
    name: link.name,
    url: link.url,
    heartbeat: async () => link.isLive,
    listFiles: link.listFiles.bind(link),
    getFileUrl: link.getFileUrl.bind(link),
    requestUploadUrl: link.requestUploadUrl.bind(link),
    putFile: link.putFile.bind(link),
    removeFile,
    // What the original engine's manager called it; old plugins do.
    removeFiles: removeFile,
  };
}
