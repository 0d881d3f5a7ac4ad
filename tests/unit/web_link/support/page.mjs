/** What the page gives to the link: the real RPC class of imjoy-rpc, and a stand-in for the core. */

import { createRequire } from "node:module";

import { createEngineLink } from "../../../../engine/web/link/index.js";

const require = createRequire(new URL("../../../../engine/web/package.json", import.meta.url));
// Upstream asks whether a value is one of these before it looks at it closer.
globalThis.ImageData ??= class ImageData {};
export const { RPC } = require("imjoy-rpc/dist/imjoy-rpc.min.js");

// Upstream reports every error that it passes on; here that is what is tested.
console.error = () => undefined;

export const PAGE_URL = "http://127.0.0.1:9527/";

export async function linkTo(engine, options = {}) {
  return createEngineLink({
    url: PAGE_URL,
    token: "secret",
    clientId: "page",
    io: engine.io,
    loadRPC: async () => RPC,
    storage: null,
    WebSocket: null,
    ...options,
  });
}

/** The config of a plugin as the core makes it. */
export function pluginConfig(name = "Plugin", more = {}) {
  const content = "\nfrom imjoy import api\napi.export(Plugin())\n";
  const head = `<config lang="json">\n{"name": "${name}"}\n</config>\n\n<script lang="python">`;
  const code = `${head}${content}</script>\n`;
  const start = head.length;
  const script = { type: "script", content, attrs: { lang: "python" }, start, end: start + content.length };
  return {
    id: `${name}_1`,
    name,
    type: "native-python",
    version: "0.1.0",
    tag: null,
    workspace: "default",
    requirements: ["numpy"],
    scripts: [script],
    code,
    ...more,
  };
}

/** The functions that the core gives to a plugin; `heard` holds what it was told. */
export function coreApi(more = {}) {
  const heard = [];
  const api = {
    _rintf: true,
    TAG: "",
    config: {},
    log: (...args) => void heard.push(["log", ...args]),
    alert: async (message) => `you saw ${message}`,
    echo: (value) => value,
    utils: { sleep: async () => "slept" },
    ...more,
  };
  return { api, heard };
}

/** What the core lets an engine do to its plugin. */
export class FakeUtils {
  constructor() {
    this.running = [];
    this.terminated = 0;
  }

  setPluginStatus({ running }) {
    this.running.push(running);
  }

  terminatePlugin() {
    this.terminated += 1;
  }
}

/** Start a plugin as the core does; `worker` is its other end. */
export async function started(engine, link, name = "Plugin", { config, api } = {}) {
  const utils = new FakeUtils();
  const core = api ? { api } : coreApi();
  const plugin = await link.startPlugin(config ?? pluginConfig(name), core.api, utils);
  const worker = [...engine.workers.values()].at(-1);
  return { plugin, worker, utils, heard: core.heard };
}

const DEADLINE_MS = 5000;

/** Return when `fact` is true; fail with `words` when it is not in time. */
export async function eventually(fact, words) {
  const deadline = Date.now() + DEADLINE_MS;
  while (!fact()) {
    if (Date.now() > deadline) throw new Error(`In ${DEADLINE_MS} ms it did not happen: ${words}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Return what `promise` is rejected with. */
export async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("It was not rejected.");
}
