/** Whatever a peer sends is read or refused: no other error, nothing executed, no object changed. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { Assembler } from "../../../engine/web/link/chunks.js";
import { CodecError, pack, unpack } from "../../../engine/web/link/codec.js";
import { fromEvent } from "../../../engine/web/link/frames.js";
import { FrameError, decodeFrames, encodeFrame } from "../../../engine/web/link/stream_frames.js";
import { FakeEngine } from "./support/engine.mjs";
import { coreApi, linkTo, started } from "./support/page.mjs";

const ROUNDS = 4000;
const REFUSALS = [CodecError, FrameError];
const WORDS = [
  '"__proto__":', '"constructor":', '"prototype"', '"_rtype":"', '"_rintf":"', '"_rvalue":', "__proto__",
  '{"$obj":[["__proto__",{"polluted":1}]]}', '{"$map":[', '{"$buf":0}', '{"$int":"9', '{"$num":"', '"$',
  '"callback"', '"interface"', '"file"', '"blob"', '"error"', '"typedarray"', '"memoryview"', '"set"',
  '"orderedmap"', '"datetime"', '"imagedata"', '"generator"', "[[[[", "}}", "null", "1e999", "\\ud800",
];

const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf-8"));
const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const { both: codecs } = vectors("codec");
const { from_python: fromPython, from_javascript: fromJavaScript } = vectors("values");
const { both: frames, refused } = vectors("frames");
const bodies = [...codecs, ...fromPython, ...fromJavaScript].map(({ body, buffers }) => ({
  bytes: new TextEncoder().encode(body),
  buffers: buffers.map((hex) => bytesOf(hex).buffer),
}));

/** The same numbers in every run. */
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

function changed(random, bytes, others) {
  let data = [...bytes];
  for (let change = 0; change <= random(3); change += 1) {
    const place = random(data.length + 1);
    const kind = random(5);
    if (kind === 0) data.splice(place, 0, random(256));
    else if (kind === 1) data.splice(place, 1 + random(8));
    else if (kind === 2 && place < data.length) data[place] ^= 1 << random(8);
    else if (kind === 3) data.splice(place, 0, ...others[random(others.length)].slice(0, 40));
    else data.splice(place, 0, ...new TextEncoder().encode(WORDS[random(WORDS.length)]));
  }
  return Uint8Array.from(data);
}

function refusedAtMost(run) {
  try {
    return run();
  } catch (error) {
    assert.ok(REFUSALS.some((type) => error instanceof type), `${error?.stack}`);
    return undefined;
  }
}

const shape = () =>
  [Object, Function, Array, Map, Promise].map(({ prototype }) => Reflect.ownKeys(prototype).length);
const FunctionItself = Function.prototype.constructor;
const evalItself = globalThis.eval;
let shapeBefore;
let executed = 0;

before(() => {
  shapeBefore = shape();
  const trap = () => {
    executed += 1;
    throw new Error("code was to be executed");
  };
  Function.prototype.constructor = trap;
  globalThis.eval = trap;
});

after(() => {
  Function.prototype.constructor = FunctionItself;
  globalThis.eval = evalItself;
});

function assertHarmless() {
  assert.equal(executed, 0, "something was executed");
  assert.deepEqual(shape(), shapeBefore, "what every object has was changed");
  assert.equal({}.polluted, undefined);
}

test("bodies", () => {
  const random = chance(11);
  let read = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const { bytes, buffers } = bodies[random(bodies.length)];
    const body = changed(random, bytes, bodies.map((each) => each.bytes));
    refusedAtMost(() => {
      const tree = unpack(round % 2 ? body : new TextDecoder().decode(body), buffers);
      read += 1;
      const again = pack(tree);
      unpack(again.body, again.buffers);
    });
  }
  assert.ok(read > 100, "most of them would have to be refused for nothing else to be tested");
  assertHarmless();
});

test("random bytes as bodies and as messages", () => {
  const random = chance(13);
  for (let round = 0; round < ROUNDS; round += 1) {
    const bytes = Uint8Array.from({ length: random(60) }, () => random(256));
    refusedAtMost(() => unpack(bytes, []));
    refusedAtMost(() => decodeFrames(bytes.buffer));
  }
  assertHarmless();
});

test("messages with frames, and frames that were cut", () => {
  const random = chance(17);
  const known = [...frames, ...refused].map(({ frame }) => bytesOf(frame));
  const announced = { to: "a", from: "b", kind: "rpc", cut: { id: 1, sizes: [2, 3] } };
  const piece = { to: "a", from: "b", kind: "chunk", cut: 1 };
  known.push(
    Uint8Array.from([
      ...encodeFrame(announced, "", []),
      ...encodeFrame(piece, "", [bytesOf("0102030405").buffer]),
    ]),
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    const message = changed(random, known[random(known.length)], known);
    refusedAtMost(() => {
      const assembler = new Assembler(1 << 20);
      for (const frame of decodeFrames(message.buffer)) assembler.feed(frame);
    });
  }
  assertHarmless();
});

test("events of Socket.IO", () => {
  const random = chance(19);
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = changed(random, bodies[random(bodies.length)].bytes, bodies.map((each) => each.bytes));
    const text = new TextDecoder().decode(body);
    let header = { to: "w", from: "b", kind: "rpc" };
    try {
      header = JSON.parse(text);
    } catch {
      // a header as it should be, then
    }
    const frame = fromEvent(header, random(2) ? text : body, [body.buffer]);
    if (frame) assert.equal(typeof frame.header.kind, "string");
  }
  assertHarmless();
});

test("messages of the RPC: the next good one is answered as ever", async () => {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, run: () => "fine" } } });
  const { plugin, worker } = await started(engine, await linkTo(engine, { exportS: 0.01 }), "Plugin", {
    api: coreApi({ echo: (value) => value }).api,
  });
  // What answers nothing that was asked is of no interest.
  const answered = worker.on_callback.bind(worker);
  worker.on_callback = (message) => (worker.calls.has(message.id) ? answered(message) : undefined);
  const random = chance(23);
  const warn = console.warn;
  console.warn = () => undefined;
  try {
    for (let round = 0; round < 1500; round += 1) {
      const message = hostileMessage(random, worker);
      if (message !== undefined) worker.send(message);
      if (round % 100 === 0) assert.equal(await plugin.run(), "fine", `after ${round}`);
    }
    assert.equal(await plugin.run(), "fine");
    assert.equal(await worker.call(worker.api.echo, 7), 7);
  } finally {
    console.warn = warn;
  }
  assertHarmless();
});

/** A call, an answer or another message whose values come from changed vectors. */
function hostileMessage(random, worker) {
  const { bytes, buffers } = bodies[random(bodies.length)];
  const text = changed(random, bytes, bodies.map((each) => each.bytes));
  let value;
  try {
    value = unpack(text, buffers);
  } catch {
    return undefined;
  }
  const reference = { _rtype: "callback", _rtarget_id: worker.peer, _rvalue: value };
  const names = ["echo", "alert", "constructor", "__proto__.constructor", "utils.constructor", value];
  const kinds = [
    { type: "method", object_id: worker.api.echo._rintf, name: names[random(names.length)] },
    { type: "method", object_id: value, name: "echo" },
    { type: "callback", id: value },
    { type: "callback", id: ["c0", "c1", "constructor", "__proto__"][random(4)] },
    { type: "disposeObject", object_id: value },
    { type: "disposed", object_id: value },
    { type: "released", released: value },
    { type: "log", message: value },
    { type: "error", message: value },
  ];
  return {
    ...kinds[random(kinds.length)],
    args: random(3) ? [value] : value,
    promise: random(2) ? [reference, reference] : value,
    with_kwargs: random(2) === 0,
  };
}
