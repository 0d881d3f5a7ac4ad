import assert from "node:assert/strict";
import { test } from "node:test";

import {
  checkedSize,
  fromEvent,
  messageOf,
  payloadBytes,
  toEvent,
  toFrame,
} from "../../../engine/web/link/frames.js";
import "./support/page.mjs";

const header = { to: "w1", from: "b1", kind: "rpc" };

function arrived([head, body, ...buffers]) {
  return fromEvent(head, body, buffers);
}

test("a small message without buffers is one text", () => {
  const args = toEvent(toFrame(header, { type: "getInterface" }));
  assert.deepEqual(args, [header, '{"type":"getInterface"}']);
  assert.deepEqual(messageOf(arrived(args)), { type: "getInterface" });
});

test("buffers go beside the body, which is then binary", () => {
  const data = Uint8Array.from([1, 2, 3]).buffer;
  const frame = toFrame(header, { type: "log", message: data });
  const args = toEvent(frame);
  assert.equal(args.length, 3);
  assert.ok(args[1] instanceof Uint8Array);
  assert.equal(payloadBytes(frame), args[1].byteLength + 3);
  assert.deepEqual(messageOf(arrived(args)), { type: "log", message: data });
});

test("the limit for text counts bytes, not characters", () => {
  const text = (sign, count) => toFrame(header, { text: sign.repeat(count) }).body;
  assert.equal(typeof text("a", 65_000), "string");
  assert.equal(typeof text("a", 66_000), "object");
  assert.equal(typeof text("ä", 40_000), "object");
  assert.equal(typeof text("ä", 30_000), "string");
  const frame = arrived([header, text("ä", 40_000)]);
  assert.equal(messageOf(frame).text, "ä".repeat(40_000));
});

test("what a header says besides is kept", () => {
  const more = { ...header, n: 4, cut: { id: 1, sizes: [2] } };
  assert.deepEqual(fromEvent(more, "", []).header, more);
});

test("what the engine says itself is plain JSON", () => {
  const frame = { header: { ...header, kind: "event" }, body: '{"$a": 1}', buffers: [] };
  assert.deepEqual(messageOf(frame), { $a: 1 });
  assert.throws(() => messageOf({ ...frame, body: "{" }));
});

test("what the engine does not take is refused, by its size or its number of buffers", () => {
  const frame = toFrame(header, new Uint8Array(2000).buffer);
  assert.equal(checkedSize(frame, 4000), payloadBytes(frame));
  assert.throws(() => checkedSize(frame, 1000), /bytes; the engine takes 1,000\. Send the data/);
  const many = { ...frame, buffers: Array.from({ length: 4097 }, () => new ArrayBuffer(1)) };
  assert.throws(() => checkedSize(many, 1e6), /4097 large buffers; 4096 are allowed/);
});

test("what is no frame is null", () => {
  for (const [head, body, buffers] of [
    [null, "{}", []],
    [[], "{}", []],
    [{ to: "w1", from: "b1" }, "{}", []],
    [header, undefined, []],
    [header, 7, []],
    [header, "{}", ["text"]],
  ]) {
    assert.equal(fromEvent(head, body, buffers), null);
  }
});
