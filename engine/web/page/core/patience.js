/**
 * Lets the core wait for a plugin for as long as its start takes.
 *
 * The core gives up after 180 s by setting `initializing` to false, and then never settles the load
 * when the plugin does come; an environment may well take longer to build. So, until the plugin is
 * connected, "not initializing any more" is not believed.
 */

const held = new WeakSet();

/** @param {any} plugin the core's */
export function keepWaiting(plugin) {
  if (held.has(plugin) || !plugin._disconnected) return;
  held.add(plugin);
  let initializing = plugin.initializing;
  Object.defineProperty(plugin, "initializing", {
    get: () => initializing,
    set: (value) => {
      if (value || !plugin._disconnected) initializing = value;
    },
  });
}
