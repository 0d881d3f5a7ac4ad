import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  FrameError,
  MAX_BUFFERS,
  MAX_HEADER_BYTES,
  decodeFrame,
  decodeFrames,
  encodeFrame,
} from "../../../engine/web/link/stream_frames.js";

const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/frames.json", import.meta.url), "utf-8"),
);
const HEADER = { to: "w-1", from: "b-1", kind: "rpc" };

function bytesOf(hex) {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function hexOf(bytes) {
  return Buffer.from(bytes).toString("hex");
}

for (const { name, header, body, buffers, frame } of vectors.both) {
  test(`written and read: ${name}`, () => {
    assert.equal(hexOf(encodeFrame(header, bytesOf(body), buffers.map(bytesOf))), frame);
    const decoded = decodeFrame(bytesOf(frame).buffer);
    assert.deepStrictEqual(decoded.header, header);
    assert.equal(hexOf(decoded.body), body);
    assert.deepStrictEqual(decoded.buffers.map(hexOf), buffers);
  });

  test(`refused when it is cut or has a tail: ${name}`, () => {
    const bytes = bytesOf(frame);
    for (let size = 0; size < bytes.length; size += 1) {
      assert.throws(() => decodeFrame(bytes.slice(0, size).buffer), FrameError);
    }
    assert.throws(() => decodeFrame(Uint8Array.from([...bytes, 0]).buffer), FrameError);
  });
}

for (const { name, frame } of vectors.refused) {
  test(`refused: ${name}`, () => {
    assert.throws(() => decodeFrame(bytesOf(frame).buffer), FrameError);
  });
}

test("a body of text is UTF-8, and a header's own sizes are not the frame's", () => {
  const frame = decodeFrame(encodeFrame({ ...HEADER, sizes: [9] }, "ü", [new ArrayBuffer(2)]).buffer);
  assert.equal(hexOf(frame.body), "c3bc");
  assert.equal(frame.buffers[0].byteLength, 2);
  assert.deepStrictEqual(frame.header, HEADER);
});

test("a frame over the limits of the format is not written", () => {
  const long = { ...HEADER, note: "x".repeat(MAX_HEADER_BYTES) };
  assert.throws(() => encodeFrame(long, "", []), /a header over the limit/);
  const many = Array.from({ length: MAX_BUFFERS + 1 }, () => new ArrayBuffer(0));
  assert.throws(() => encodeFrame(HEADER, "", many), /more than 4096 buffers/);
});

test("one message may bring several frames", () => {
  const first = encodeFrame(HEADER, "ü", [new ArrayBuffer(2)]);
  const second = encodeFrame({ ...HEADER, kind: "b" }, "", []);
  const message = Uint8Array.from([...first, ...second, ...first]);
  const frames = decodeFrames(message.buffer);
  assert.deepEqual(frames.map(({ header }) => header.kind), [HEADER.kind, "b", HEADER.kind]);
  assert.deepEqual(frames[2], decodeFrame(first.buffer));
  assert.throws(() => decodeFrame(message.buffer), FrameError);
  for (let size = first.length + 1; size < message.length - first.length; size += 1) {
    assert.throws(() => decodeFrames(message.slice(0, size).buffer), FrameError);
  }
});
