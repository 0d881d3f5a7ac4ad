/** Starts the page: what is seen first, then the core, then the link to the engine. */

import { html, render } from "../vendor/preact.js";
import { App } from "./app.js";
import { restore, returnTo } from "./core/elsewhere.js";
import { hostApi } from "./core/host_api.js";
import { Runner } from "./core/runner.js";
import { loadTemplates } from "./core/sources.js";
import { loadRPC, startCore } from "./core/start.js";
import { Watcher } from "./core/watcher.js";
import { applyTheme } from "./state/theme.js";
import { onNewToken, takeToken } from "./state/token.js";
import { wordsOf } from "./text/errors.js";
import { Page } from "./ui/page.js";

const WORKSPACE = "default";
const CLIENT_KEY = "imjoy-engine-client";

applyTheme();
const token = takeToken();
const app = new App(localStorage, sessionStorage);
render(html`<${Page} app=${app} />`, /** @type {HTMLElement} */ (document.getElementById("page")));
// What is filled into the forms changes with every key: it is kept when the page goes.
addEventListener("pagehide", () => app.rememberForReload());
void start();

async function start() {
  void loadTemplates(app);
  try {
    const imjoy = await startCore(hostApi(app, () => app.imjoy));
    app.imjoy = imjoy;
    app.watcher = new Watcher(app, imjoy);
    app.runner = new Runner(app, imjoy);
    imjoy.event_bus.on("add_window", (/** @type {any} */ window) => app.windows.add(window));
    imjoy.event_bus.on("close_window", (/** @type {any} */ window) => app.windows.remove(window));
  } catch (error) {
    app.connection.set({ state: "offline", message: `The page could not start: ${wordsOf(error)}.`, info: null });
    throw error;
  }
  await connect();
}

/** Connect to the engine that served the page. */
async function connect() {
  app.connection.set({ state: "connecting", message: "", info: null });
  const [{ createEngineLink }, { io }] = await Promise.all([
    import("../link/index.js"),
    import("../vendor/socketio.js"),
  ]);
  const link = await createEngineLink({
    url: location.origin,
    token,
    workspace: WORKSPACE,
    clientId: clientId(),
    io,
    loadRPC,
    name: "ImJoy Engine",
    asks: true,
    choicesOf: (/** @type {string} */ name) => app.plugins.get(name)?.choices ?? {},
  });
  app.link = link;
  let registered = false;
  const show = (/** @type {{state: any, message?: string, retryAt?: number}} */ { state, message = "", retryAt }) =>
    app.connection.set({
      // The core starts what it is loading a second time when its engine comes: nobody loads before.
      state: state === "online" && !registered ? "connecting" : state,
      message,
      retryAt,
      info: link.info ?? app.connection.value.info,
    });
  /** Plugins of a session that was given up while the page was away. @type {Set<string>} */
  const lost = new Set();
  link.on("state", show);
  link.on("state", ({ state }) => void (state === "online" && app.tokensTried.set(0)));
  link.on("state", ({ state }) => {
    if (state !== "online" || !registered) return;
    void app.runWatch.refresh();
    void returnTo(app, lost);
  });
  onNewToken((fresh) => link.setToken(fresh));
  link.on("plugin", (/** @type {any} */ event) => {
    if (event.code === "session-lost") lost.add(event.name);
    app.watcher?.onEngineEvent(event);
  });
  link.on("run", (/** @type {any} */ run) => app.runWatch.onRun(run));
  show(link);
  await link.register(app.imjoy);
  registered = true;
  show(link);
  restore(app);
}

/** A tab that is loaded anew is the same client to the engine, and another tab is another one. */
function clientId() {
  const known = sessionStorage.getItem(CLIENT_KEY);
  if (known) return known;
  const fresh = `page-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
  sessionStorage.setItem(CLIENT_KEY, fresh);
  return fresh;
}
