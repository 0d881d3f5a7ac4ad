/** Reads values that are kept of a plugin that is gone: nobody is behind the functions in them. */

import { PeerConnection } from "./conn.js";
import { LinkError } from "./errors.js";
import { createPluginRPC } from "./rpc_patches.js";

const NOBODY = { worker: "gone", own: "gone" };

/**
 * Return the value; a function in it rejects when it is called.
 * @param {any} encoded
 * @param {string} name the plugin's
 * @param {import("./start_plugin.js").Engine} engine
 * @returns {Promise<any>}
 */
export async function keptValue(encoded, name, { session, loadRPC, owners }) {
  const rpc = createPluginRPC(await loadRPC(), new PeerConnection(session, NOBODY), { name, owners });
  rpc.close(new LinkError(`The plugin "${name}" that returned this function has ended.`, { code: "plugin-exited" }));
  return rpc._decode(encoded);
}
