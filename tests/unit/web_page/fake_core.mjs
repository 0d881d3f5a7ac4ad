/** A core without a browser: what the page asks of imjoy-core, written down. */

import { App } from "../../../engine/web/page/app.js";
import { Runner } from "../../../engine/web/page/core/runner.js";
import { Watcher } from "../../../engine/web/page/core/watcher.js";

export class FakeCore {
  constructor() {
    this.handlers = new Map();
    this.event_bus = {
      on: (event, handler) => this.handlers.set(event, [...(this.handlers.get(event) ?? []), handler]),
    };
    this.windows = [];
    this.api = { createWindow: async (config) => void this.windows.push(config) };
    this.unloaded = [];
    this.pm = {
      plugins: {},
      plugin_names: {},
      registered: { windows: {} },
      reloadPlugin: (config) => this.reload(config),
      unloadPlugin: ({ name }) => {
        this.unloaded.push(name);
        delete this.pm.plugin_names[name];
      },
      getServices: () => [],
    };
    /** What becomes of the next load: (config) => plugin api, or it throws. */
    this.onLoad = () => ({ run: async () => undefined });
  }

  emit(event, data) {
    for (const handler of this.handlers.get(event) ?? []) handler(data);
  }

  async reload(config) {
    const name = JSON.parse(/<config[^>]*>([^]*)<\/config>/.exec(config.code)[1]).name;
    const plugin = { id: `${name}-1`, name, config: { name, code: config.code }, _disconnected: true };
    this.pm.plugins[plugin.id] = plugin;
    this.pm.plugin_names[name] = plugin;
    plugin.api = await this.onLoad(config, plugin);
    plugin._disconnected = false;
    this.emit("plugin_loaded", plugin);
    return plugin;
  }
}

class FakeStorage {
  constructor() {
    this.items = new Map();
  }

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    this.items.set(key, value);
  }
}

export function source(config, script = "api.export({})") {
  const full = { type: "web-worker", api_version: "0.1.8", ...config };
  const lang = full.type.endsWith("python") ? "python" : "javascript";
  return `<config lang="json">${JSON.stringify(full)}</config><script lang="${lang}">${script}</script>`;
}

/** A page with a core and, if wanted, an engine that is connected; its storages may be those of an earlier page. */
export function startPage({ online = true, storage = new FakeStorage(), tab = new FakeStorage() } = {}) {
  const app = new App(storage, tab);
  const core = new FakeCore();
  app.imjoy = core;
  app.watcher = new Watcher(app, core);
  app.runner = new Runner(app, core);
  app.killed = [];
  app.link = {
    state: "online",
    killPlugin: async (id) => void app.killed.push(id),
    runOf: () => undefined,
  };
  if (online) app.connection.set({ state: "online", message: "", info: null });
  return { app, core, storage, tab, runner: app.runner, watcher: app.watcher, of: (name) => app.plugins.get(name) };
}
