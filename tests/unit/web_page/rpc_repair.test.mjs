/** What is set right in imjoy-rpc as plugins get it. */

import assert from "node:assert/strict";
import { before, test } from "node:test";

import * as ends from "./two_ends.mjs";

let RPC;

before(async () => {
  RPC = await ends.loadRPC();
});

const connected = (offered) => ends.connected(RPC, offered);

test("a function that is passed on can be called many times", async () => {
  const { remote } = await connected({
    count: async (report) => {
      for (let n = 0; n < 5; n += 1) await report(n);
      return "done";
    },
  });
  const heard = [];
  assert.equal(await remote.count((n) => void heard.push(n)), "done");
  assert.deepEqual(heard, [0, 1, 2, 3, 4]);
});

test("a function in a result can be called many times", async () => {
  const { remote } = await connected({ doubler: () => (n) => 2 * n });
  const double = await remote.doubler();
  assert.deepEqual([await double(1), await double(2), await double(3)], [2, 4, 6]);
});

test("calls leave nothing behind, whether they end well or not", async () => {
  const { mine, remote } = await connected({
    echo: (value) => value,
    fail: () => Promise.reject(new Error("no")),
  });
  for (let n = 0; n < 20; n += 1) {
    await remote.echo(n);
    await assert.rejects(remote.fail());
  }
  assert.equal(mine._store.byId.size, 0);
});

test("the functions used last stay, and no more; calls that wait are not forgotten", async () => {
  let answer;
  const kept = [];
  const { mine, remote } = await connected({
    later: () => new Promise((resolve) => (answer = resolve)),
    keep: (passed) => void kept.push(passed),
  });
  const waiting = remote.later();
  for (let n = 0; n < 4000; n += 1) await remote.keep(() => n);
  assert.ok(mine._store.byId.size <= 2 * 1024 + 2, `${mine._store.byId.size}`);
  assert.equal(await kept.at(-1024)(), 4000 - 1024);
  await assert.rejects(kept[0](), /not there any more/);
  answer("in the end");
  assert.equal(await waiting, "in the end");
});

test("a part of a buffer arrives as that part", async () => {
  const { remote } = await connected({ echo: (value) => value });
  const part = Float32Array.of(0, 1, 2, 3).subarray(1, 3);
  assert.deepEqual(await remote.echo(part), Float32Array.of(1, 2));
  assert.deepEqual((await remote.echo({ deep: [part] })).deep[0], Float32Array.of(1, 2));
  const view = new DataView(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2);
  assert.deepEqual(new Uint8Array((await remote.echo(view)).buffer), Uint8Array.of(2, 3));
  const whole = Uint16Array.of(1, 2);
  assert.deepEqual(await remote.echo(whole), whole);
});

test("an error keeps its class and its traceback", async () => {
  const { remote } = await connected({
    fail: async () => {
      throw Object.assign(new RangeError("too far"), { trace: "Traceback: line 3" });
    },
  });
  await assert.rejects(remote.fail(), (error) => {
    assert.deepEqual([error.name, error.message, error.trace], ["RangeError", "too far", "Traceback: line 3"]);
    assert.equal(String(error), "RangeError: too far");
    return true;
  });
});

test("a plugin's own codec comes first", async () => {
  const { its, mine, remote } = await connected({ part: () => Uint8Array.of(1, 2, 3).subarray(1) });
  its._codecs.bytes = { name: "bytes", type: Uint8Array, encoder: (value) => ({ _rvalue: [...value] }) };
  mine._codecs.bytes = { name: "bytes", decoder: ({ _rvalue }) => _rvalue };
  assert.deepEqual(await remote.part(), [2, 3]);
});

test("a generator is drawn from where it lives, and closed there when its reader leaves", async () => {
  const ended = [];
  const { remote, its } = await connected({
    async *count(upto) {
      try {
        for (let n = 0; n < upto; n += 1) yield n;
      } finally {
        ended.push(upto);
      }
    },
    *fail() {
      yield 1;
      throw new RangeError("no more");
    },
    take: async (stream) => {
      const got = [];
      for await (const item of stream) got.push(item);
      return got;
    },
  });
  const objects = Object.keys(its._object_store).length;
  const got = [];
  for await (const item of await remote.count(3)) got.push(item);
  for await (const item of await remote.count(1000)) if (item === 4) break;
  assert.deepEqual([got, ended], [[0, 1, 2], [3, 1000]]);
  const failing = await remote.fail();
  assert.equal((await failing.next()).value, 1);
  await assert.rejects(failing.next(), { name: "RangeError", message: "no more" });
  const letters = (function* () {
    yield* "abc";
  })();
  assert.deepEqual(await remote.take(letters), ["a", "b", "c"]);
  // Handed on, it goes from end to end.
  assert.deepEqual(await remote.take(await remote.count(2)), [0, 1]);
  const none = await remote.count(0);
  assert.equal((await none.next()).done, true);
  assert.equal((await none.next()).done, true, "asked for ahead of the end");
  for (let n = 0; n < 100; n += 1) assert.equal((await (await remote.count(0)).next()).done, true);
  assert.ok(Object.keys(its._object_store).length <= objects + 64, "few that have ended stay");
});
