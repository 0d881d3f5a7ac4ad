import assert from "node:assert/strict";
import { test } from "node:test";

import { isWellFormed } from "../../../engine/web/link/message_rules.js";

const reference = { _rtype: "callback", _rtarget_id: "w1", _rvalue: "p1:resolve" };
const pair = [reference, { ...reference, _rvalue: 0 }];

test("messages as both ends write them", () => {
  for (const message of [
    { type: "method", object_id: "o1", name: "run", args: [], promise: pair, released: [] },
    { type: "method", object_id: "o1", name: "run", args: [1], with_kwargs: true, progress: reference },
    { type: "callback", id: "f1", args: [null] },
    { type: "callback", id: 0, args: [], promise: null },
    { type: "disposeObject", object_id: "o1" },
    { type: "disposed" },
    { type: "released", released: ["f1"] },
    { type: "log", message: {} },
  ]) {
    assert.equal(isWellFormed(message), true, JSON.stringify(message));
  }
});

test("what would be taken on trust", () => {
  for (const message of [
    { type: "method", object_id: "o1", name: "run", args: { length: 1 } },
    { type: "method", object_id: "o1", name: "run", args: [], promise: [reference] },
    { type: "method", object_id: "o1", name: "run", args: [], promise: "ab" },
    { type: "method", object_id: "o1", name: "run", args: [], promise: [reference, {}] },
    { type: "callback", id: "f1", args: [], promise: [{ ...reference, _rvalue: {} }, reference] },
    { type: "callback", id: "f1", args: [], promise: [{ ...reference, _rtype: "file" }, reference] },
    { type: "callback", id: {}, args: [] },
    { type: "callback", id: "f1", args: [], progress: "tell me" },
    { type: "disposeObject", object_id: ["o1"] },
    { type: "released", released: "f1" },
  ]) {
    assert.equal(isWellFormed(message), false, JSON.stringify(message));
  }
});
