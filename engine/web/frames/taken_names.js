/**
 * Tells the author of a window plugin whose functions nobody can call: the core puts a window's own
 * functions over those of the same names that the plugin exports.
 *
 * A plain script of the frame, heard before the plugin's own scripts run.
 */
(() => {
  const TAKEN = ["show", "hide", "close", "focus", "resize", "refresh", "on", "off", "emit", "config"];
  let isWindow = false;

  addEventListener("message", ({ data }) => {
    if (data?.type === "initialize") isWindow = ["window", "rpc-window"].includes(data.config?.type);
  });

  addEventListener("imjoy_remote_api_ready", (event) => {
    const api = /** @type {any} */ (event).detail;
    if (!isWindow || !api?.export) return;
    const { export: offer } = api;
    api.export = (/** @type {any} */ offered, /** @type {any[]} */ ...rest) => {
      const lost = TAKEN.filter((name) => typeof offered?.[name] === "function");
      if (lost.length > 0) {
        const words = lost.map((name) => `"${name}"`).join(", ");
        api.error(`Nobody can call what this plugin exports as ${words}: a window has functions of its own so named. Choose other names.`);
      }
      return offer(offered, ...rest);
    };
  });
})();
