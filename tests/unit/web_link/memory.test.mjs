import assert from "node:assert/strict";
import { test } from "node:test";

import { SessionMemory } from "../../../engine/web/link/memory.js";

class FakeStorage {
  constructor(items = {}) {
    this.items = new Map(Object.entries(items));
  }

  getItem(key) {
    return this.items.get(key) ?? null;
  }

  setItem(key, value) {
    this.items.set(key, String(value));
  }
}

test("a session that a page has left is found by the next page of the tab", () => {
  const storage = new FakeStorage();
  const first = new SessionMemory("key", storage);
  assert.equal(first.sessionId, null);
  first.sessionId = "s1";
  first.keep(true);
  assert.equal(new SessionMemory("key", storage).sessionId, "s1");
  assert.equal(new SessionMemory("other", storage).sessionId, null);
});

test("a duplicated tab does not take the session that the first one uses", () => {
  const storage = new FakeStorage();
  new SessionMemory("key", storage).sessionId = "s1";
  const duplicate = new FakeStorage(Object.fromEntries(storage.items));
  assert.equal(new SessionMemory("key", duplicate).sessionId, null);
});

test("a page that comes back from the browser's cache has its session again", () => {
  const storage = new FakeStorage();
  const memory = new SessionMemory("key", storage);
  memory.sessionId = "s1";
  memory.keep(true);
  memory.keep(false);
  assert.equal(memory.sessionId, "s1");
  assert.equal(new SessionMemory("key", storage).sessionId, null);
});

test("without a storage, or with a full or foreign one, the page's own memory does", () => {
  const full = {
    getItem: () => "no JSON",
    setItem: () => {
      throw new Error("QuotaExceededError");
    },
  };
  for (const storage of [null, full]) {
    const memory = new SessionMemory("key", storage);
    assert.equal(memory.sessionId, null);
    memory.sessionId = "s1";
    assert.equal(memory.sessionId, "s1");
  }
});
