/** Starts the real imjoy-core without the internet. */

/**
 * @typedef {any} ImJoy the core; it comes without types
 */

const WORKSPACE = "default";

/**
 * Return a running core that calls `hostApi` for everything a person sees.
 * @param {Record<string, unknown>} hostApi
 * @returns {Promise<ImJoy>}
 */
export async function startCore(hostApi) {
  const { loadImJoyCore } = /** @type {any} */ (window);
  const { ImJoy } = await loadImJoyCore({ base_url: "/core/" });
  const imjoy = new ImJoy({
    imjoy_api: hostApi,
    default_base_frame: `${location.origin}/frames/base_frame.html`,
    default_rpc_base_url: `${location.origin}/frames/rpc/`,
  });
  // They would be fetched from other origins at every start.
  imjoy.pm.internal_plugins = {};
  await imjoy.start({ workspace: WORKSPACE });
  return imjoy;
}

/** Return the class that speaks to plugins, loaded once from this origin. */
export async function loadRPC() {
  const { loadImJoyRPC } = /** @type {any} */ (window);
  const { RPC } = await loadImJoyRPC({ base_url: `${location.origin}/rpc/` });
  return RPC;
}
