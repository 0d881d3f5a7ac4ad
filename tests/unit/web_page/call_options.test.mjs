/** What a plugin in a frame may ask for beside a call. */

import assert from "node:assert/strict";
import { before, test } from "node:test";

import { connected, frameScript, loadRPC } from "./two_ends.mjs";

let RPC;
let apiReady;

before(async () => {
  RPC = await loadRPC();
  apiReady = await frameScript("call_options.js");
});

const NEVER = new Promise(() => undefined);

/** A function as the core has it of a native plugin; `told` is what it was asked for. */
function native(work, told = []) {
  const made = (options) => {
    const proxy = (...args) => work(args, options);
    proxy.withOptions = (more) => (told.push(more), made({ ...options, ...more }));
    return proxy;
  };
  return Object.assign(made(), { told });
}

/** Return a frame's end, with functions as a plugin in it has them. */
async function frame(offered) {
  const ends = await connected(RPC, offered);
  apiReady({ ...ends.remote, _rpc: ends.mine });
  return ends;
}

test("a call can be given up, and the function at the other end is told", async () => {
  const aborter = new AbortController();
  let signal;
  const work = native(async (_, options) => {
    ({ signal } = options);
    aborter.abort(new RangeError("enough"));
    await NEVER;
  });
  const { remote, mine } = await frame({ work });
  await assert.rejects(remote.work.withOptions({ signal: aborter.signal })(1), { message: "enough" });
  await new Promise(setImmediate);
  assert.ok(signal.aborted);
  assert.equal(mine._store.byId.size, 0, "nothing waits any more");
  await assert.rejects(remote.work.withOptions({ signal: aborter.signal })(1), { message: "enough" });
});

test("a call that is given up before it has gone does not go", async () => {
  const aborter = new AbortController();
  const { remote, mine, here } = await frame({ work: native(() => assert.fail("it was given up")) });
  const calling = remote.work.withOptions({ signal: aborter.signal })(1);
  aborter.abort();
  await assert.rejects(calling, { name: "AbortError" });
  await new Promise(setImmediate);
  assert.deepEqual(here.sent.filter(({ type }) => ["call_options", "cancel"].includes(type)), []);
  assert.equal(mine._store.byId.size, 0);
});

test("a call has its time, and no more", async () => {
  const work = native(async ([answer]) => answer ?? NEVER);
  const { remote } = await frame({ work });
  const hurried = remote.work.withOptions({ timeoutS: 0.01 });
  await assert.rejects(hurried(), { name: "TimeoutError", message: /within 0.01 s/ });
  assert.equal(await hurried.withOptions({ timeoutS: 1000 })(7), 7);
  assert.ok(work.told.every(({ signal }) => signal instanceof AbortSignal));
});

test("a call is listened to, until it has ended", async () => {
  const heard = [];
  const work = native(async ([number], { onProgress }) => {
    await onProgress(0.5, "half of it");
    return 2 * number;
  });
  const { remote, mine } = await frame({ work });
  const listens = remote.work.withOptions({ onProgress: (...values) => heard.push(values) });
  assert.equal(await listens(21), 42);
  assert.deepEqual(heard, [[0.5, "half of it"]]);
  assert.equal(mine._store.byId.size, 0);
});

test("options go with a function that knows nothing of them, and with one in a result", async () => {
  const { remote } = await frame({
    plain: (value) => value,
    fail: async () => Promise.reject(new TypeError("no")),
    never: () => NEVER,
    doubler: () => native(async ([number], options) => [2 * number, typeof options?.onProgress]),
    deep: { er: (value) => value },
  });
  const options = { timeoutS: 1000, onProgress: () => undefined };
  assert.equal(await remote.plain.withOptions(options)(3), 3);
  assert.equal(await remote.deep.er.withOptions(options)(4), 4);
  await assert.rejects(remote.fail.withOptions(options)(), { name: "TypeError", message: "no" });
  await assert.rejects(remote.never.withOptions({ timeoutS: 0.01 })(), { name: "TimeoutError" });
  const double = await remote.doubler();
  assert.deepEqual(await double.withOptions(options)(4), [8, "function"]);
  assert.equal(await remote.plain(5), 5, "without options nothing is different");
});
