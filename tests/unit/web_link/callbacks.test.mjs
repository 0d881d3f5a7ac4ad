import assert from "node:assert/strict";
import { test } from "node:test";

import { CallbackStore, Holders } from "../../../engine/web/link/callbacks.js";

test("a callback is there until it is released", () => {
  const store = new CallbackStore();
  const id = store.put(Math.abs);
  assert.equal(store.fetch(id), Math.abs);
  assert.equal(store.fetch(id), Math.abs);
  assert.equal(store.keeps(id), true);
  store.release([id]);
  assert.equal(store.fetch(id), undefined);
});

test("of a pair only one is called, once, and neither is kept", () => {
  const store = new CallbackStore();
  for (const first of [0, 1]) {
    const ids = store.putPair(Math.min, Math.max);
    assert.equal(store.keeps(ids[0]), false);
    assert.equal(store.fetch(ids[first]), [Math.min, Math.max][first]);
    assert.deepEqual(ids.map((id) => store.fetch(id)), [undefined, undefined]);
  }
  assert.equal(store.size, 0);
});

test("no id is used twice, not even for the same function", () => {
  const store = new CallbackStore();
  const ids = [store.put(Math.abs), store.put(Math.abs)];
  store.release(ids);
  ids.push(store.put(Math.abs), ...store.putPair(Math.min, Math.max));
  assert.equal(new Set(ids).size, 5);
});

test("names of every object are no ids", () => {
  const store = new CallbackStore();
  for (const id of ["constructor", "__proto__", "toString"]) assert.equal(store.fetch(id), undefined);
});

test("the first holder alone decides, until others use it", () => {
  const holders = new Holders("w1");
  assert.equal(holders.letGo("a", "w2"), false);
  assert.equal(holders.letGo("a", "w1"), true);
  holders.used("b", "w1");
  holders.used("b", "w2");
  assert.equal(holders.letGo("b", "w1"), false);
  assert.equal(holders.letGo("b", "w2"), true);
});
