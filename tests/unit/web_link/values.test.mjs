import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { linkTo, started } from "./support/page.mjs";
import { takeKwargs, valueCodecs } from "../../../engine/web/link/values.js";

/** A plugin whose `echo` returns what it got; `got` is how that came over the wire. */
async function echo() {
  const got = [];
  const exports = {
    setup: () => null,
    echo: (_worker, [value]) => {
      got.push(value);
      return value;
    },
  };
  const engine = new FakeEngine({ Plugin: { exports } });
  const { plugin } = await started(engine, await linkTo(engine));
  return { plugin, got };
}

test("a view of a buffer sends its own bytes", async () => {
  const { plugin, got } = await echo();
  const whole = Float32Array.from([0, 1, 2, 3]);
  assert.deepEqual(await plugin.echo(whole.subarray(1, 3)), Float32Array.from([1, 2]));
  assert.equal(got[0]._rvalue.byteLength, 8);
  const view = await plugin.echo(new DataView(whole.buffer, 4, 4));
  assert.equal(view.byteLength, 4);
  assert.equal(view.getFloat32(0, true), 1);
});

test("arrays of every type the browser has", async () => {
  const { plugin, got } = await echo();
  const arrays = [
    [Int8Array, "int8", [-1, 2]],
    [Uint8Array, "uint8", [1, 255]],
    [Int16Array, "int16", [-1, 2]],
    [Uint16Array, "uint16", [1, 2]],
    [Int32Array, "int32", [-1, 2]],
    [Uint32Array, "uint32", [1, 2]],
    [BigInt64Array, "int64", [-1n, 2n ** 60n]],
    [BigUint64Array, "uint64", [1n, 2n ** 63n]],
    [Float32Array, "float32", [0.5, NaN]],
    [Float64Array, "float64", [0.1, -Infinity]],
  ];
  for (const [type, dtype, values] of arrays) {
    assert.deepEqual(await plugin.echo(type.from(values)), type.from(values));
    assert.equal(got.at(-1)._rdtype, dtype);
  }
  await plugin.echo(Uint8ClampedArray.from([1]));
  assert.equal(got.at(-1)._rdtype, "uint8");
});

test("an n-d array stays the plain object that window plugins expect", async () => {
  const { plugin } = await echo();
  const array = { _rtype: "ndarray", _rvalue: new ArrayBuffer(8), _rshape: [2, 4], _rdtype: "uint8" };
  const answer = await plugin.echo(array);
  assert.deepEqual(answer, array);
});

test("dates, maps, sets, big integers and numbers that JSON lacks", async () => {
  const { plugin } = await echo();
  const values = [
    new Date("2026-11-24T03:00:00.250Z"),
    new Map([[1, "one"], ["two", new Date(0)]]),
    new Set([1, "a"]),
    2n ** 70n,
    NaN,
    -Infinity,
    null,
    "text",
    [true, [1.5]],
    { nested: { list: [1, 2] } },
  ];
  for (const value of values) assert.deepEqual(await plugin.echo(value), value);
});

test("files keep their name, type and path; blobs their type", async () => {
  const { plugin, got } = await echo();
  const file = new File(["abc"], "a.txt", { type: "text/plain" });
  file._path = "folder/a.txt";
  const back = await plugin.echo(file);
  assert.deepEqual([back.name, back.type, back._path], ["a.txt", "text/plain", "folder/a.txt"]);
  assert.equal(await back.text(), "abc");
  assert.equal(got[0]._rtype, "file");
  const blob = await plugin.echo(new Blob(["xy"], { type: "image/png" }));
  assert.deepEqual([blob.type, await blob.text()], ["image/png", "xy"]);
});

test("an error keeps its class also when the other end says no more than its text", () => {
  const { error } = valueCodecs();
  const plain = error.decoder({ _rvalue: "Exception: old style" });
  assert.deepEqual([plain.name, plain.message], ["Error", "Exception: old style"]);
  const named = error.decoder({ _rvalue: "boom", _rname: "ValueError" });
  assert.equal(String(named), "ValueError: boom");
});

test("an error keeps its class, trace and cause both ways", () => {
  const { error } = valueCodecs();
  const cause = { _rtype: "error", _rvalue: "first", _rname: "KeyError", _rtrace: "C" };
  const form = { _rtype: "error", _rvalue: "boom", _rname: "ValueError", _rtrace: "T" };
  const decoded = error.decoder({ ...form, _rcause: cause });
  assert.deepEqual([decoded.stack, decoded.cause.name, decoded.cause.message], ["T", "KeyError", "first"]);
  assert.deepEqual(error.encoder(decoded), { ...form, _rcause: cause });
  const endless = new Error("round");
  endless.cause = endless;
  assert.equal(JSON.stringify(error.encoder(endless)).match(/_rcause/g).length, 8);
});

test("a type that this browser lacks is named", () => {
  const { typedarray } = valueCodecs();
  assert.throws(() => typedarray.decoder({ _rvalue: new ArrayBuffer(16), _rdtype: "complex128" }), {
    message: "This browser has no arrays of type complex128.",
  });
});

test("keyword arguments are the last object, if it says so", () => {
  assert.deepEqual(takeKwargs([1, { a: 2, _rkwargs: true }]), {
    args: [1, { a: 2 }],
    withKwargs: true,
  });
  for (const args of [[], [null], [{ a: 1 }], [[1]], ["x"]]) {
    assert.deepEqual(takeKwargs(args), { args, withKwargs: false });
  }
});
