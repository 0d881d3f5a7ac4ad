import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  CodecError,
  MAX_BODY_BYTES,
  MAX_CONTAINERS,
  MAX_DEPTH,
  MAX_LOOSE_BUFFERS,
  MAX_SHARED_BYTES,
  pack,
  unpack,
} from "../../../engine/web/link/codec.js";

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/codec.json", import.meta.url), "utf-8"),
);
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** Return the value that a golden vector describes. */
function build({ t, v }) {
  const kinds = {
    null: () => null,
    bool: () => v,
    str: () => v,
    int: () => (BigInt(v) <= SAFE && BigInt(v) >= -SAFE ? Number(v) : BigInt(v)),
    bigint: () => BigInt(v),
    float: () => ({ nan: NaN, inf: Infinity, "-inf": -Infinity })[v] ?? Number(v),
    bytes: () => bytesOf(v),
    list: () => v.map(build),
    dict: () => v.reduce((object, [key, item]) => withMember(object, key, build(item)), {}),
    map: () => new Map(v.map(([key, item]) => [build(key), build(item)])),
  };
  return kinds[t]();
}

function withMember(object, key, value) {
  return Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

function bytesOf(hex) {
  return Uint8Array.from(Buffer.from(hex, "hex")).buffer;
}

function hexOf(bytes) {
  return Buffer.from(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes).toString("hex");
}

function nested(levels) {
  let value = null;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

for (const { name, value, body, buffers } of vectors.both) {
  test(`written and read: ${name}`, () => {
    const packed = pack(build(value));
    assert.equal(packed.body, body);
    assert.deepEqual(packed.buffers.map(hexOf), buffers);
    assert.deepStrictEqual(unpack(body, buffers.map(bytesOf)), build(value));
    const binary = new TextEncoder().encode(body);
    assert.deepStrictEqual(unpack(binary, buffers.map(bytesOf)), build(value));
  });
}

for (const { name, value, body, buffers } of vectors.read) {
  test(`read: ${name}`, () => {
    assert.deepStrictEqual(unpack(body, buffers.map(bytesOf)), build(value));
  });
}

for (const { name, body, body_hex: hex, buffers } of vectors.refused) {
  test(`refused: ${name}`, () => {
    assert.throws(() => unpack(body ?? bytesOf(hex), buffers.map(bytesOf)), CodecError);
  });
}

test("a view stands for its own bytes", () => {
  const whole = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
  const views = [whole.subarray(2, 4), new Uint16Array(whole.buffer, 4, 1), new DataView(whole.buffer, 7)];
  assert.deepEqual(pack(views).buffers.map(hexOf), ["0203", "0405", "07"]);
});

test("bytes are not copied on the way out", () => {
  const bytes = new ArrayBuffer(8);
  const view = new Uint8Array(new ArrayBuffer(8), 2, 3);
  const { buffers } = pack([bytes, view]);
  assert.equal(buffers[0], bytes);
  assert.equal(buffers[1].buffer, view.buffer);
});

test("bytes arrive as ArrayBuffers of their own size, copied only out of a larger one", () => {
  const bytes = new ArrayBuffer(3);
  const { buffer } = Uint8Array.from([9, 1, 2, 9]);
  const [whole, part] = unpack('[{"$buf":0},{"$buf":1}]', [bytes, new Uint8Array(buffer, 1, 2)]);
  assert.equal(whole, bytes);
  assert.equal(hexOf(part), "0102");
  assert.equal(part.byteLength, 2);
});

test("undefined is left out of objects and null in lists", () => {
  assert.equal(pack({ a: undefined, b: [undefined] }).body, '{"b":[null]}');
  assert.equal(pack({ a: undefined, b: 1n }).body, '{"b":{"$int":"1"}}');
  assert.equal(pack(undefined).body, "null");
});

test("a date is a datetime of the dialect", () => {
  assert.equal(
    pack([new Date(1.5e12)]).body,
    '[{"_rtype":"datetime","_rvalue":"2017-07-14T02:40:00.000Z"}]',
  );
  assert.throws(() => pack([new Date(NaN)]), /index 0: an invalid Date/);
});

test("boxed values are what they hold", () => {
  assert.equal(pack([Object(true), Object("a"), Object(1)]).body, '[true,"a",1]');
});

class Cell {}
for (const [type, value] of [
  ["function", () => 1],
  ["symbol", Symbol("s")],
  ["Cell", new Cell()],
  ["RegExp", /x/],
  ["Set", new Set()],
  ["Promise", Promise.resolve()],
  ["Blob", new Blob([])],
]) {
  test(`a ${type} is refused by name and place`, () => {
    assert.throws(() => pack({ args: [1, { image: value }] }), {
      name: "CodecError",
      message: `key 'args', index 1, key 'image': a value of type ${type} cannot be sent`,
    });
  });
}

test("what is nested too deeply, or in itself, is refused at both ends", () => {
  const { body } = pack(nested(MAX_DEPTH));
  assert.deepEqual(unpack(body), nested(MAX_DEPTH));
  assert.throws(() => pack(nested(MAX_DEPTH + 1)), /nested in more than 100 levels/);
  assert.throws(() => unpack(`[${body}]`), CodecError);
  const self = [];
  self.push(self);
  assert.throws(() => pack(self), CodecError);
  assert.throws(() => unpack("[".repeat(1e6) + "]".repeat(1e6)), CodecError);
});

test("a BigInt of more digits than Python reads is refused", () => {
  assert.equal(unpack(pack(10n ** 4299n).body), 10n ** 4299n);
  assert.throws(() => pack([10n ** 4300n]), /index 0: a BigInt of more than 4300 digits/);
});

test("a body over the limit is refused at both ends", () => {
  assert.throws(() => unpack(" ".repeat(MAX_BODY_BYTES + 1)), CodecError);
  assert.throws(() => unpack(new ArrayBuffer(MAX_BODY_BYTES + 1)), CodecError);
  assert.throws(() => unpack(`[${"{},".repeat(MAX_CONTAINERS)}1]`), CodecError);
  assert.throws(() => pack("x".repeat(MAX_BODY_BYTES)), /send large data as bytes/);
});

test("large buffers stay alone where small ones share", () => {
  const many = Array.from({ length: MAX_LOOSE_BUFFERS }, (_, index) => Uint8Array.of(index).buffer);
  const large = new ArrayBuffer(MAX_SHARED_BYTES + 1);
  const { body, buffers } = pack([large, ...many]);
  assert.equal(buffers.length, 2);
  assert.equal(buffers[0], large);
  const [first, ...rest] = unpack(body, buffers);
  assert.equal(first, large);
  assert.deepStrictEqual(rest, many);
});

test("an object from another realm is as good as one of ours", async () => {
  const { runInNewContext } = await import("node:vm");
  const foreign = runInNewContext("({a: [new Uint8Array([1, 2]).buffer, new Map([[1, 2]])]})");
  const { body, buffers } = pack(foreign);
  assert.equal(body, '{"a":[{"$buf":0},{"$map":[[1,2]]}]}');
  assert.equal(hexOf(buffers[0]), "0102");
});

test("a body cannot change what objects are", () => {
  unpack('{"__proto__":{"polluted":1,"x":{"$num":"nan"}}}');
  unpack('{"$obj":[["__proto__",{"polluted":1}]]}');
  assert.equal({}.polluted, undefined);
  const arrived = unpack('{"$obj":[["__proto__",{"a":1}]]}');
  assert.equal(Object.getPrototypeOf(arrived), Object.prototype);
});

test("mutilated bodies are refused or read, and nothing else happens", () => {
  const whole = pack({ a: [1n, NaN, { $x: new ArrayBuffer(2) }, new Map([[1, "ü"]])], b: "\ud800" });
  let seed = 7;
  const random = (below) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let round = 0; round < 3000; round += 1) {
    const bytes = new TextEncoder().encode(whole.body);
    for (let change = 0; change <= random(3); change += 1) bytes[random(bytes.length)] = random(256);
    try {
      unpack(bytes.subarray(0, bytes.length - random(3)), whole.buffers);
    } catch (error) {
      assert.ok(error instanceof CodecError, String(error));
    }
  }
});
