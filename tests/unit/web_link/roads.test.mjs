// Which road the frames take, and that none is lost or doubled when it changes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CHUNK_BYTES } from "../../../engine/web/link/chunks.js";
import { FakeEngine, fakeWebSocket } from "./support/engine.mjs";
import { eventually, linkTo, started } from "./support/page.mjs";

async function channelled(exports = {}) {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports } } });
  const link = await linkTo(engine, { WebSocket: fakeWebSocket(engine) });
  await eventually(() => link.session.roads.hasChannel, "the channel is open");
  return { engine, link };
}

function counting() {
  const seen = [];
  return { seen, exports: { see: (_worker, [value]) => seen.push(value) } };
}

test("frames and events go over the channel, requests do not", async () => {
  const { engine, link } = await channelled({ run: (_worker, [value]) => value + 1 });
  const bySocket = [];
  engine.socket.on("frame", (header) => bySocket.push(header));
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.run(1), 2);
  assert.deepEqual(bySocket, []);
  assert.equal(engine.channels[0].url, "ws://127.0.0.1:9527/channel");
});

test("the channel is looked for below the engine's path, in safety where the page is", async () => {
  const engine = new FakeEngine();
  const url = "https://lab.example/user/me/engine/";
  await linkTo(engine, { url, WebSocket: fakeWebSocket(engine) });
  await eventually(() => engine.channels.length === 1, "the channel is tried");
  assert.equal(engine.channels[0].url, "wss://lab.example/user/me/engine/channel");
});

for (const [words, prepare] of [
  ["the engine gives no ticket", (engine) => (engine.answers.open_channel = { success: false })],
  ["nobody welcomes the page", (engine) => (engine.shut = true)],
]) {
  test(`frames go over Socket.IO when ${words}`, async () => {
    const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, run: () => 5 } } });
    prepare(engine);
    const link = await linkTo(engine, { WebSocket: fakeWebSocket(engine) });
    const { plugin } = await started(engine, link);
    assert.equal(await plugin.run(), 5);
    assert.equal(link.session.roads.hasChannel, false);
  });
}

test("frames go over Socket.IO when the browser allows no WebSocket", async () => {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, run: () => 5 } } });
  const WebSocket = class {
    constructor() {
      throw new Error("SecurityError");
    }
  };
  const link = await linkTo(engine, { WebSocket });
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.run(), 5);
});

test("what a channel that breaks has swallowed goes again over Socket.IO, once and in order", async () => {
  const { seen, exports } = counting();
  const { engine, link } = await channelled(exports);
  const { plugin } = await started(engine, link);
  await plugin.see(0);
  engine.channel.break();
  const calls = [1, 2, 3].map((value) => plugin.see(value));
  await eventually(() => link.session.traffic.sent.keptBytes > 0, "the calls are sent");
  engine.channel.drop();
  await Promise.all(calls);
  await plugin.see(4);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  assert.equal(link.session.roads.hasChannel, false);
});

test("while Socket.IO is away calls go on over the channel, which is opened anew with it", async () => {
  const { seen, exports } = counting();
  const { engine, link } = await channelled(exports);
  const { plugin } = await started(engine, link);
  engine.cut();
  await plugin.see(1);
  assert.equal(link.state, "offline");
  engine.restore();
  await eventually(() => engine.channels.length === 2, "a new channel is tried");
  await eventually(() => link.session.roads.hasChannel, "the new channel is open");
  await plugin.see(2);
  assert.deepEqual(seen, [1, 2]);
});

test("an engine that was started anew is spoken to from number 1", async () => {
  const { engine, link } = await channelled({ run: () => 1 });
  const before = await started(engine, link);
  await before.plugin.run();
  engine.restart();
  await eventually(() => link.state === "online", "the page uses the new engine");
  await eventually(() => engine.channels.length === 2, "a new channel is tried");
  await eventually(() => link.session.roads.hasChannel, "the new channel is open");
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.run(), 1);
});

test("what is big goes in chunks, and no faster than the engine passes it on", async () => {
  const { engine, link } = await channelled({ size: (_worker, [data]) => data.byteLength ?? 0 });
  const { plugin } = await started(engine, link);
  link.session.maxMessageBytes = Infinity;
  const { traffic } = link.session;
  engine.silent.add("grant");
  const size = plugin.size(new ArrayBuffer(6 << 20));
  await eventually(() => traffic.lanes.held.size === 1, "the window is full");
  const [[lane, underWay]] = traffic.lanes.underWay;
  const window = 4 << 20;
  assert.ok(window - CHUNK_BYTES < underWay && underWay <= window, `no further chunk fits beside ${underWay} bytes`);
  engine.silent.delete("grant");
  const [from, to] = JSON.parse(lane);
  const grant = { to: "", from: "", kind: "grant", lane: [from, to], bytes: 4 << 20 };
  engine.put(engine.session.sent.number({ header: grant, body: "", buffers: [] }));
  assert.equal(await size, 6 << 20);
});

test("a browser that still holds much for the network is given no more", async () => {
  const { engine, link } = await channelled({ run: () => 1 });
  const { plugin } = await started(engine, link);
  engine.channel.bufferedAmount = 2 << 20;
  const before = link.session.traffic.waitingBytes;
  const running = plugin.run();
  await eventually(() => link.session.traffic.waitingBytes > before, "the call waits");
  engine.channel.bufferedAmount = 0;
  assert.equal(await running, 1);
});

test("a plugin cannot speak for the engine", async () => {
  const { engine, link } = await channelled({ run: () => 1 });
  const heard = [];
  link.session.on("peer_gone", (event) => heard.push(event));
  const { plugin, worker } = await started(engine, link);
  for (const kind of ["ack", "grant", "peer_gone"]) {
    engine.frame({ to: worker.client, from: worker.peer, kind }, { peer: worker.peer });
  }
  assert.equal(await plugin.run(), 1);
  assert.deepEqual(heard, []);
});

test("what no message can be made of is passed over, and others go on", async () => {
  const { engine, link } = await channelled({ run: () => 1 });
  const { plugin, worker } = await started(engine, link);
  const route = { to: worker.client, from: "w77" };
  engine.frame({ ...route, kind: "chunk", cut: 3 }, {});
  engine.frame({ ...route, kind: "rpc", cut: { id: 1, sizes: [-1] } }, {});
  assert.equal(await plugin.run(), 1);
});

test("what no frame can be made of ends the channel, and nothing is lost", async () => {
  const { engine, link } = await channelled({ run: () => 1 });
  const { plugin } = await started(engine, link);
  engine.channel.onmessage({ data: "text" });
  assert.equal(link.session.roads.hasChannel, false);
  assert.equal(await plugin.run(), 1);
});

test("the last words of an earlier run end no later one, whichever road they take", async () => {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, run: () => 1 } } });
  const link = await linkTo(engine);
  const first = await started(engine, link);
  const { instance, id } = first.worker;
  engine.init_plugin = function (payload) {
    // As when the channel is slower than the answer to kill_plugin, and faster than this one.
    this.event({ id, instance, event: "exit", exit_code: 0, words: "stopped on request" });
    this.event({ id, instance, event: "state", state: "stopped" });
    return FakeEngine.prototype.init_plugin.call(this, payload);
  };
  const { plugin } = await started(engine, link);
  assert.equal(await plugin.run(), 1);
});
