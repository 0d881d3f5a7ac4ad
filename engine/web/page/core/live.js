/** Return the core's plugin of that name, if it can be called. @param {any} imjoy @param {string} name */
export function livePlugin(imjoy, name) {
  const plugin = imjoy.pm.plugin_names[name];
  return plugin && plugin.api && !plugin._disconnected ? plugin : null;
}

/** Whether a person can run the core's plugin: some only serve other plugins. @param {any} plugin */
export function hasRun(plugin) {
  return typeof plugin?.api?.run === "function";
}
