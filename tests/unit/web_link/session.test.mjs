import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { NEVER } from "./support/worker.mjs";
import { eventually, linkTo, PAGE_URL, pluginConfig, rejection, started } from "./support/page.mjs";

/** A plugin that starts; `run` answers when the test says so. */
function engineWith(exports = {}) {
  return new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports } } });
}

function statesOf(link) {
  const states = [link.state];
  link.on("state", ({ state }) => states.push(state));
  return states;
}

test("a page registers with its token and gets to know the engine", async () => {
  const engine = engineWith();
  const link = await linkTo(engine, { workspace: "lab" });
  assert.equal(link.state, "online");
  assert.deepEqual(link.info, { name: "fake", version: "1" });
  const [{ token, workspace, session_id: session, base_url: url }] =
    engine.requestsOf("register_client");
  assert.deepEqual([token, workspace, session, url], ["secret", "lab", null, PAGE_URL]);
});

test("the socket is looked for below the engine's path", async () => {
  const engine = engineWith();
  await linkTo(engine, { url: "https://lab.example/user/me/engine/" });
  assert.equal(engine.socket.url, "https://lab.example");
  assert.equal(engine.socket.options.path, "/user/me/engine/socket.io");
});

test("a wrong token is refused in the engine's words, until another one is given", async () => {
  const engine = engineWith();
  const link = await linkTo(engine, { token: "wrong" });
  assert.equal(link.state, "refused");
  assert.equal(link.message, "The token is wrong. Use the link that the engine printed.");
  assert.equal(engine.socket.connected, false);
  assert.equal((await rejection(link.status())).message.includes("The token is wrong"), true);
  link.setToken("secret");
  await eventually(() => link.state === "online", "the new token is taken");
});

test("where too many wrong tokens came from the page waits, and tries its token again, once", async () => {
  const engine = engineWith();
  engine.lockedForS = 0.01;
  const link = await linkTo(engine);
  assert.equal(link.state, "refused");
  assert.equal(link.message, "Too many wrong tokens came from here.");
  assert.ok(Math.abs(link.retryAt - Date.now()) < 60_000, "when it tries again is known");
  engine.lockedForS = 0;
  await eventually(() => link.state === "online", "the engine looks at tokens again");
  assert.equal(link.retryAt, 0);

  const wrong = engineWith();
  wrong.lockedForS = 0.01;
  const refused = await linkTo(wrong, { token: "wrong" });
  wrong.lockedForS = 0;
  await eventually(() => refused.message.startsWith("The token is wrong."), "it was tried");
  assert.equal(wrong.socket.connected, false);
  refused.setToken("secret");
  await eventually(() => refused.state === "online", "the new token is taken");
  assert.equal(wrong.requestsOf("register_client").length, 3);
});

test("an engine that cannot be reached leaves the link offline, and is found when it is there", async () => {
  const engine = engineWith();
  engine.reachable = false;
  const link = await linkTo(engine);
  assert.equal(link.state, "offline");
  assert.equal(link.isLive, false);
  assert.match(link.message, /cannot be reached/);
  assert.match(String(await rejection(link.listFiles("/"))), /is not connected/);
  engine.restore();
  await eventually(() => link.state === "online", "the engine is found");
});

test("connect rejects when the token is refused", async () => {
  const engine = engineWith();
  const link = await linkTo(engine, { token: "wrong" });
  assert.match(String(await rejection(link.connect())), /token is wrong/);
});

test("a request that the engine refuses says why", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  engine.answers.get_engine_status = { success: false, error: "No.", code: "no", hint: "Wait." };
  const error = await rejection(link.status());
  assert.deepEqual([error.message, error.code], ["No. Wait.", "no"]);
});

test("a request that is under way when the connection drops ends, and is not sent again", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  engine.silent.add("get_engine_status");
  const asked = rejection(link.status());
  await eventually(() => engine.requestsOf("get_engine_status").length === 1, "it is asked");
  engine.cut();
  assert.equal((await asked).code, "not-connected");
  engine.restore();
  await eventually(() => link.state === "online", "the connection is back");
  assert.equal(engine.requestsOf("get_engine_status").length, 1);
  assert.deepEqual(engine.stale, []);
});

test("a short drop is hidden: the same session comes back, calls go on", async () => {
  let answer;
  const engine = engineWith({ run: () => new Promise((resolve) => (answer = resolve)) });
  const link = await linkTo(engine);
  const states = statesOf(link);
  const { plugin, utils } = await started(engine, link);
  const running = plugin.run();
  await eventually(() => answer !== undefined, "the call arrives");
  engine.cut();
  assert.equal(link.isLive, true);
  engine.restore();
  await eventually(() => link.state === "online", "the connection is back");
  answer("kept");
  assert.equal(await running, "kept");
  assert.deepEqual(states, ["online", "offline", "online"]);
  assert.equal(utils.terminated, 0);
  const [first, second] = engine.requestsOf("register_client");
  assert.equal(second.id, first.id);
  assert.notEqual(second.session_id, null);
});

test("what is called and answered during a drop is sent when the session is back", async () => {
  let fromCore;
  const engine = engineWith({ run: (_worker, [value]) => value + 1 });
  const link = await linkTo(engine);
  const core = { _rintf: true, prompt: () => new Promise((resolve) => (fromCore = resolve)) };
  const { plugin, worker } = await started(engine, link, "Plugin", { api: core });
  const asked = worker.call(worker.api.prompt);
  await eventually(() => fromCore !== undefined, "the core is asked");
  engine.cut();
  fromCore("typed during the drop");
  const running = plugin.run(1);
  engine.restore();
  assert.equal(await asked, "typed during the drop");
  assert.equal(await running, 2);
  assert.deepEqual(engine.stale, []);
});

test("a page that is loaded anew ends what it left behind, and then keeps its session", async () => {
  const engine = engineWith();
  const items = new Map();
  const storage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
  };
  const before = await linkTo(engine, { storage });
  await started(engine, before);
  before.session.memory.keep(true); // as the page goes away
  const link = await linkTo(engine, { storage });
  assert.equal(engine.workers.size, 0);
  const { plugin } = await started(engine, link);
  engine.cut();
  engine.restore();
  await eventually(() => link.state === "online", "the connection is back");
  assert.equal(await plugin.setup(), null);
});

test("a drop that lasts ends the plugins here, and another client registers later", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine, { graceS: 0.01 });
  const { plugin, utils } = await started(engine, link);
  const waiting = rejection(plugin.wait());
  engine.cut();
  assert.match(String(await waiting), /is not connected/);
  assert.equal(link.isLive, false);
  await eventually(() => utils.terminated === 1, "the core is told");
  engine.restore();
  await eventually(() => link.state === "online", "the connection is back");
  const [first, second] = engine.requestsOf("register_client");
  assert.notEqual(second.id, first.id);
  assert.notEqual(second.session_id, null);
  assert.equal(engine.workers.size, 0, "the engine ends what was left behind");
});

test("an engine that was started anew has no plugins of before", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  const { plugin, utils } = await started(engine, link);
  const waiting = rejection(plugin.wait());
  const told = [];
  link.on("plugin", (event) => told.push(event));
  engine.restart();
  assert.match(String(await waiting), /started anew/);
  const [{ id, name, event, state, detail, code, error }] = told;
  assert.deepEqual([id, name, event, state, code], ["Plugin_1", "Plugin", "state", "stopped", "session-lost"]);
  assert.match(detail, /started anew.*has ended/);
  assert.equal(error, undefined, "nothing has failed");
  await eventually(() => utils.terminated === 1, "the core is told");
  await eventually(() => link.state === "online", "the page uses the new engine");
  const again = await started(engine, link);
  assert.equal(await again.plugin.setup(), null);
});

test("of a plugin that may outlive its engine nobody says that it has ended", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  await started(engine, link, "Plugin", { config: pluginConfig("Plugin", { flags: ["allow-detach"] }) });
  const told = [];
  link.on("plugin", (event) => told.push(event));
  engine.restart();
  await eventually(() => told.length > 0, "the page is told");
  assert.doesNotMatch(told[0].detail, /has ended/);
});

test("a plugin that is stopped during a drop is ended when the session is back", async () => {
  const engine = engineWith();
  const link = await linkTo(engine);
  const { plugin, worker } = await started(engine, link);
  engine.cut();
  await plugin.exit();
  assert.match(String(await rejection(plugin.setup())), /was stopped/);
  assert.equal(worker.dead, false);
  engine.restore();
  await eventually(() => worker.dead, "the process is ended");
  assert.deepEqual(engine.stale, []);
});

test("an engine that says goodbye is asked again after a while, in its own words", async () => {
  const engine = engineWith();
  const link = await linkTo(engine, { retryS: 0.01 });
  engine.socket.fire("closing", { message: "The engine stops." });
  engine.cut("io server disconnect");
  assert.match(link.message, /^The engine stops\./);
  await eventually(() => engine.socket.active, "the engine is asked again");
  assert.match(link.message, /^The engine stops\. Trying/);
  engine.restore();
  await eventually(() => link.state === "online", "the engine is back");
});

test("a message over the engine's limit is refused here, and the connection lives", async () => {
  const engine = engineWith({ take: () => 1 });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  const error = await rejection(plugin.take(new Uint8Array(2 << 20)));
  assert.equal(error.code, "too-large");
  assert.match(error.message, /the engine takes 1,048,576/);
  assert.equal(await plugin.take(1), 1);
});

test("what is no frame is passed over", async () => {
  const engine = engineWith({ run: () => 1 });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  for (const args of [[], [null, "{}"], [{ to: "x" }, "{}"], [{ to: "b", from: "w", kind: "rpc" }, "{"]]) {
    engine.socket.fire("frame", ...args);
  }
  assert.equal(await plugin.run(), 1);
});

test("close ends the connection for good", async () => {
  const engine = engineWith({ wait: () => NEVER });
  const link = await linkTo(engine);
  const { plugin } = await started(engine, link);
  const waiting = rejection(plugin.wait());
  link.close();
  assert.match(String(await waiting), /has disconnected/);
  assert.equal(link.state, "offline");
  assert.equal(link.isLive, false);
  engine.restore();
  assert.equal(engine.socket.connected, false);
});
