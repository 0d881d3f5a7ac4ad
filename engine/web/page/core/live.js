/** Return the core's plugin of that name, if it can be called. @param {any} imjoy @param {string} name */
export function livePlugin(imjoy, name) {
  const plugin = imjoy.pm.plugin_names[name];
  return plugin && plugin.api && !plugin._disconnected ? plugin : null;
}
