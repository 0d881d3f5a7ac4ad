import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { coreApi, eventually, FakeUtils, linkTo, PAGE_URL, pluginConfig, rejection } from "./support/page.mjs";

/** Takes what an engine registers, as the core's managers do. */
class FakeCore {
  constructor() {
    this.engines = [];
    this.factories = [];
    this.files = [];
    this.em = {
      register: async (engine) => void this.engines.push(engine),
      registerFactory: (factory) => void this.factories.push(factory),
      getEngineByUrl: (url) => this.engines.find((engine) => engine.url === url) ?? null,
    };
    this.fm = { register: async (manager) => void this.files.push(manager) };
  }
}

async function registered(engine = new FakeEngine(), options = {}) {
  const link = await linkTo(engine, options);
  const core = new FakeCore();
  await link.register(core);
  const [service, factory, files] = [core.engines[0], core.factories[0], core.files[0]];
  return { engine, link, core, service, factory, files };
}

test("the core gets an engine for native-python, its factory and its files", async () => {
  const { service, factory, files } = await registered();
  assert.deepEqual(
    [service.type, service.pluginType, service.factory, service.name, service.url],
    ["engine", "native-python", factory.name, "ImJoy Engine", PAGE_URL],
  );
  assert.deepEqual([factory.type, files.type, files.url], ["engine-factory", "file-manager", PAGE_URL]);
  // The core checks its schema of each with instanceof Function.
  for (const [name, value] of Object.entries({ ...service, ...files })) {
    const isText = ["string", "boolean"].includes(typeof value) || name === "config";
    assert.ok(isText || value instanceof Function, name);
  }
});

test("registering twice leaves the core as it was", async () => {
  const { link, core } = await registered();
  await link.register(core);
  assert.equal(core.engines.length, 1);
  assert.equal(core.files.length, 1);
});

test("the heartbeat of engine and files follows the connection", async () => {
  const { engine, service, files } = await registered(new FakeEngine(), { graceS: 0.01 });
  assert.deepEqual([await service.heartbeat(), await files.heartbeat()], [true, true]);
  engine.cut();
  assert.equal(await service.heartbeat(), true, "a short drop is hidden");
  await eventually(() => service.heartbeat().then && !engine.socket.connected, "cut");
  const deadline = Date.now() + 5000;
  while ((await service.heartbeat()) && Date.now() < deadline) await new Promise(setImmediate);
  assert.deepEqual([await service.heartbeat(), await files.heartbeat()], [false, false]);
});

test("the engine's facts and its processes", async () => {
  const { engine, service } = await registered();
  engine.get_engine_status = () => ({ plugin_num: 1, plugin_processes: [{ name: "P", pid: 7 }] });
  assert.deepEqual(await service.getEngineConfig(), { name: "fake", version: "1" });
  assert.deepEqual(await service.getEngineStatus(), {
    plugin_num: 1,
    plugin_processes: [{ name: "P", pid: 7 }],
  });
});

test("one process is ended, or all of them", async () => {
  const { engine, service } = await registered();
  await service.killPluginProcess({ name: "P", pid: 7 });
  await service.killPluginProcess();
  assert.deepEqual(engine.requestsOf("kill_plugin_process"), [{ pid: 7 }, { all: true }]);
  await service.killPlugin({ id: "unknown" });
  assert.deepEqual(engine.requestsOf("kill_plugin"), [{ id: "unknown" }]);
});

test("a plugin starts through what the core was given", async () => {
  const engine = new FakeEngine({ Plugin: { exports: { run: () => 3 } } });
  const { service } = await registered(engine);
  const plugin = await service.startPlugin(pluginConfig(), coreApi().api, new FakeUtils());
  assert.equal(await plugin.run(), 3);
  assert.equal(await plugin.setup(), undefined, "a plugin without setup loads as well");
});

test("disconnecting waits for the plugins that are being ended, and connecting returns", async () => {
  const engine = new FakeEngine({ Plugin: { exports: { run: () => 3 } } });
  const { service, link } = await registered(engine);
  const plugin = await service.startPlugin(pluginConfig(), coreApi().api, new FakeUtils());
  plugin.exit(); // the core does not wait for it
  await service.disconnect();
  assert.equal(engine.workers.size, 0);
  assert.equal(link.state, "offline");
  await service.connect();
  assert.equal(link.state, "online");
});

test("connecting to an engine that is away is an error for the core", async () => {
  const engine = new FakeEngine();
  const { service, link } = await registered(engine, { token: "wrong" });
  assert.match(String(await rejection(service.connect())), /token is wrong/);
  assert.equal(link.state, "refused");
});

test("the factory reaches another engine, and lets go of it", async () => {
  const engine = new FakeEngine();
  const { core, factory } = await registered(engine);
  await factory.addEngine({ url: "http://127.0.0.1:9999/?token=secret" });
  assert.deepEqual(
    core.engines.map(({ name, url }) => [name, url]),
    [
      ["ImJoy Engine", PAGE_URL],
      ["127.0.0.1:9999", "http://127.0.0.1:9999/"],
    ],
  );
  assert.equal(core.files.length, 2);
  assert.equal(await factory.removeEngine({ url: "http://127.0.0.1:9999/" }), true);
  assert.equal(engine.socket.connected, false);
  assert.match(
    String(await rejection(factory.addEngine({ url: "http://127.0.0.1:9998/?token=no" }))),
    /token is wrong/,
  );
});

test("the factory without an address connects this engine again", async () => {
  const engine = new FakeEngine();
  const { link, core, factory } = await registered(engine);
  link.close();
  core.engines.length = 0;
  await factory.addEngine();
  assert.equal(link.state, "online");
  assert.equal(core.engines.length, 1);
});
