import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { pack, unpack } from "../../../engine/web/link/codec.js";
import { createPluginRPC } from "../../../engine/web/link/rpc_patches.js";
import { valueCodecs } from "../../../engine/web/link/values.js";
import { RPC } from "./support/page.mjs";

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/values.json", import.meta.url), "utf-8"),
);

/** The values of `from_javascript`, by name. */
const MADE = {
  "a Map": new Map([["a", 1], [2, { b: 3 }]]),
  "a Set": new Set([1, "a"]),
  "a Date": new Date(0),
  "a part of a Uint8Array": Uint8Array.from([1, 2, 3]).subarray(1),
  "a BigInt64Array": BigInt64Array.of(-1n),
  "a BigUint64Array": BigUint64Array.of(2n ** 64n - 1n),
  "a File": new File(["abc"], "a.txt", { type: "text/plain" }),
  "a Blob": new Blob([Uint8Array.of(0, 1)], { type: "image/png" }),
  "an Error": traced(
    new TypeError("no cells", { cause: traced(new RangeError("why"), "line 2") }),
    "line 1",
  ),
  "a Float32Array": Float32Array.of(1),
  "a DataView": new DataView(Uint8Array.from([0, 1, 2]).buffer, 1),
  "an ArrayBuffer": Uint8Array.from([1, 2]).buffer,
  "an ndarray": {
    _rtype: "ndarray",
    _rvalue: Uint16Array.from([1, 2]).buffer,
    _rshape: [1, 2],
    _rdtype: "uint16",
  },
  "a BigInt": 2n ** 64n,
  "undefined among members": { a: [undefined], b: undefined },
  "keyword arguments": [1, { x: -0 }],
};

function traced(error, trace) {
  return Object.assign(error, { trace });
}

function peer(codecs) {
  const connection = { peer_id: "page", on() {}, emit() {}, execute() {} };
  return new RPC(connection, {}, codecs);
}

function bytesOf(hex) {
  return Uint8Array.from(Buffer.from(hex, "hex")).buffer;
}

function hexOf(bytes) {
  return Buffer.from(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes).toString("hex");
}

for (const { name, body, buffers, original } of vectors.from_python) {
  test(`what Python sends, the original class understands: ${name}`, async () => {
    const value = await peer({})._decode(unpack(body, buffers.map(bytesOf)), true);
    assert.equal(Object(value).constructor.name, original);
  });
}

for (const { name, body, buffers } of vectors.from_javascript) {
  test(`what the page sends: ${name}`, async () => {
    const value = MADE[name];
    // imjoy-rpc knows nothing of BigInt and takes it as it is only inside of messages.
    const tree = typeof value === "bigint" ? value : await peer(valueCodecs())._encode(value);
    const packed = pack(tree);
    assert.equal(packed.body, body);
    assert.deepEqual(packed.buffers.map(hexOf), buffers);
  });
}

test("a generator of Python's is iterated over in the page, and goes on as it came", async () => {
  const { body, buffers } = vectors.from_python.find(({ name }) => name === "a generator");
  const sent = unpack(body, buffers.map(bytesOf));
  const connection = { worker: "us", peer_id: "page", on() {}, off() {}, emit() {}, execute() {} };
  const page = createPluginRPC(RPC, connection, { name: "P", owners: new WeakMap() });
  const stream = await page._decode(unpack(body, buffers.map(bytesOf)), true);
  assert.equal(stream[Symbol.asyncIterator](), stream);
  assert.deepEqual(await page._encode(stream), sent);
  const own = await page._encode((function* () {})());
  assert.equal(pack(own).body, body.replaceAll('"us"', '"page"').replaceAll("s1", "s0"));
});

test("what Python sends keeps its meaning in the page", async () => {
  const page = peer(valueCodecs());
  const arrived = {};
  for (const { name, body, buffers } of vectors.from_python) {
    arrived[name] = await page._decode(unpack(body, buffers.map(bytesOf)), true);
  }
  assert.deepEqual(arrived["a set"], new Set([1]));
  assert.deepEqual(arrived["an ordered dict"], new Map([["b", 1], ["a", []]]));
  assert.equal(arrived["a dict with keys of other kinds"].get(1), "a");
  assert.equal(arrived["a moment in UTC"].toISOString(), "2017-07-14T02:40:00.123Z");
  assert.equal(String(arrived["an exception with a cause"]), "ValueError: bad");
  assert.equal(arrived["a file"].name, "a.txt");
  assert.equal(await arrived["a file"].text(), "abc");
  const { _rvalue: integers } = arrived["an array of 64-bit integers"];
  assert.deepEqual([...new BigInt64Array(integers)], [-1n]);
});
