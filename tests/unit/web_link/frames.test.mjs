import assert from "node:assert/strict";
import { test } from "node:test";

import { fromEvent, toEvent } from "../../../engine/web/link/frames.js";
import "./support/page.mjs";

const header = { to: "w1", from: "b1", kind: "rpc" };

test("a small message without buffers is one text", () => {
  const { args } = toEvent(header, { type: "getInterface" });
  assert.deepEqual(args, [header, '{"type":"getInterface"}']);
  assert.deepEqual(fromEvent(...args, []), { header, message: { type: "getInterface" } });
});

test("buffers go beside the body, which is then binary", () => {
  const data = Uint8Array.from([1, 2, 3]).buffer;
  const { args, bytes } = toEvent(header, { type: "log", message: data });
  assert.equal(args.length, 3);
  assert.ok(args[1] instanceof Uint8Array);
  assert.equal(bytes, args[1].byteLength + 3);
  const frame = fromEvent(args[0], args[1], args.slice(2));
  assert.deepEqual(frame.message, { type: "log", message: data });
});

test("the limit for text counts bytes, not characters", () => {
  const text = (/** @type {string} */ sign, count) => toEvent(header, { text: sign.repeat(count) });
  assert.equal(typeof text("a", 65_000).args[1], "string");
  assert.equal(typeof text("a", 66_000).args[1], "object");
  assert.equal(typeof text("ä", 40_000).args[1], "object");
  assert.equal(typeof text("ä", 30_000).args[1], "string");
  const { args } = text("ä", 40_000);
  assert.equal(fromEvent(header, args[1], []).message.text, "ä".repeat(40_000));
});

test("what is no frame is null", () => {
  for (const [head, body, buffers] of [
    [null, "{}", []],
    [[], "{}", []],
    [{ to: "w1", from: "b1" }, "{}", []],
    [header, "{", []],
    [header, undefined, []],
    [header, 7, []],
    [header, "{}", ["text"]],
  ]) {
    assert.equal(fromEvent(head, body, buffers), null);
  }
});
