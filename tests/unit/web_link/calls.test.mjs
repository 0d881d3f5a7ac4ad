/** Calls that are given up, timed and listened to, at both ends of the page's RPC. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { currentCall } from "../../../engine/web/link/index.js";
import { FakeEngine } from "./support/engine.mjs";
import { NEVER } from "./support/worker.mjs";
import { coreApi, eventually, linkTo, rejection, started } from "./support/page.mjs";

async function pluginWith(exports, api) {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports } } });
  const link = await linkTo(engine);
  return { engine, link, ...(await started(engine, link, "Plugin", { api: coreApi(api).api })) };
}

const sent = (worker, type) => worker.received.filter((message) => message.type === type);

test("a call that is aborted is rejected at once, and the plugin is told", async () => {
  const { plugin, worker } = await pluginWith({ slow: () => NEVER });
  const aborter = new AbortController();
  const pending = rejection(plugin.slow.withOptions({ signal: aborter.signal })(1));
  await eventually(() => sent(worker, "method").length === 1, "the call arrives");
  aborter.abort();
  assert.equal((await pending).name, "AbortError");
  await eventually(() => sent(worker, "cancel").length === 1, "the cancel arrives");
  const [{ call }] = sent(worker, "cancel");
  assert.equal(call, sent(worker, "method").at(-1).promise[0]._rvalue);
});

test("a signal that is aborted already sends nothing, nor does one that comes after the answer", async () => {
  const { plugin, worker } = await pluginWith({ quick: () => 3, slow: () => NEVER });
  const gone = AbortSignal.abort();
  assert.equal((await rejection(plugin.slow.withOptions({ signal: gone })())).name, "AbortError");
  const aborter = new AbortController();
  assert.equal(await plugin.quick.withOptions({ signal: aborter.signal })(), 3);
  aborter.abort();
  assert.equal(await plugin.quick(), 3);
  assert.deepEqual(sent(worker, "cancel"), []);
  assert.equal(sent(worker, "method").filter(({ name }) => name === "slow").length, 0);
});

test("a call that is aborted while its arguments are read is not sent", async () => {
  const { plugin, worker } = await pluginWith({ take: () => 1 });
  const aborter = new AbortController();
  const pending = rejection(plugin.take.withOptions({ signal: aborter.signal })(new Blob(["a"])));
  aborter.abort();
  await pending;
  assert.equal(await plugin.take(), 1);
  assert.deepEqual(sent(worker, "cancel"), []);
  assert.equal(sent(worker, "method").filter(({ name }) => name === "take").length, 1);
});

test("a call out of time says so, and the plugin is told", async () => {
  const { plugin, worker } = await pluginWith({ slow: () => NEVER });
  const error = await rejection(plugin.slow.withOptions({ timeoutS: 0.01 })());
  assert.equal(error.code, "call-timeout");
  assert.equal(error.message, "slow has not answered within 0.01 s.");
  await eventually(() => sent(worker, "cancel").length === 1, "the cancel arrives");
});

test("a late answer, and late progress, are passed over", async () => {
  let late;
  const { plugin, worker } = await pluginWith({ slow: () => NEVER, quick: () => 1 });
  const slow = plugin.slow.withOptions({ timeoutS: 0.01, onProgress: () => (late = true) });
  await rejection(slow());
  const { promise, progress } = sent(worker, "method").at(-1);
  for (const { _rvalue: id } of [progress, promise[0]]) {
    worker.send({ type: "callback", id, args: ["late"], with_kwargs: false });
  }
  assert.equal(await plugin.quick(), 1);
  assert.equal(late, undefined);
});

test("progress is heard in its order, by who listens only", async () => {
  const report = (worker, [...values]) => {
    const { progress } = sent(worker, "method").at(-1);
    for (const args of values) {
      worker.send({ type: "callback", id: progress._rvalue, args, with_kwargs: false });
    }
    return values.length;
  };
  const { plugin, worker } = await pluginWith({ run: report, quick: () => 1 });
  const heard = [];
  const run = plugin.run.withOptions({ onProgress: (...values) => heard.push(values) });
  assert.equal(await run([0.5, { deep: [[[1]]] }], [1], []), 3);
  assert.deepEqual(heard, [[0.5, { deep: [[[1]]] }], [1], []]);
  await plugin.quick();
  assert.equal("progress" in sent(worker, "method").at(-1), false);
});

test("options add up", async () => {
  const { plugin } = await pluginWith({ slow: () => NEVER });
  const both = plugin.slow.withOptions({ timeoutS: 0.01 }).withOptions({ onProgress: () => undefined });
  assert.equal((await rejection(both())).code, "call-timeout");
});

test("a function of the page hears that its caller gave it up, and the caller is told", async () => {
  let signal;
  let end;
  const { worker } = await pluginWith(
    {},
    {
      slow: async () => {
        ({ signal } = currentCall());
        await new Promise((resolve) => (end = resolve));
        return "nobody wants it";
      },
    },
  );
  const answer = worker.call(worker.api.slow);
  await eventually(() => signal !== undefined, "the function begins");
  assert.equal(currentCall(), null);
  assert.equal(signal.aborted, false);
  worker.send({ type: "cancel", call: "resolve-1" });
  worker.send({ type: "cancel", call: "resolve-1" });
  const error = await answer.catch((rejected) => rejected);
  assert.deepEqual([error._rname, error._rvalue], ["CancelledError", "slow was cancelled"]);
  assert.equal(signal.aborted, true);
  end();
  assert.equal(await worker.call(worker.api.echo, 1), 1);
});

test("a call that is given up before it begins does not begin, and the caller is told", async () => {
  let hasBegun = false;
  const { worker } = await pluginWith({}, { slow: () => void (hasBegun = true) });
  const answer = worker.call(worker.api.slow, [1]);
  worker.send({ type: "cancel", call: "resolve-1" });
  const error = await answer.catch((rejected) => rejected);
  assert.equal(error?._rname, "CancelledError");
  assert.equal(await worker.call(worker.api.echo, 1), 1);
  assert.equal(hasBegun, false);
});

test("a function of the page reports to who listens", async () => {
  const { worker } = await pluginWith(
    {},
    {
      work: async () => {
        const { report } = currentCall();
        report(1, "of two");
        await null;
        report(2);
        return "done";
      },
    },
  );
  worker.on_callback = () => undefined;
  const { _rintf: object_id, _rvalue: name } = worker.api.work;
  const reference = (id) => ({ _rtype: "callback", _rtarget_id: worker.peer, _rvalue: id });
  const call = { type: "method", object_id, name, args: [], target_id: worker.client };
  worker.send({ ...call, promise: [reference("r1"), reference("r2")], progress: reference("p") });
  await eventually(() => worker.received.at(-1).id === "r1", "the answer arrives");
  const callbacks = sent(worker, "callback").map(({ id, args, promise }) => [id, args, promise]);
  assert.deepEqual(callbacks, [
    ["p", [1, "of two"], undefined],
    ["p", [2], undefined],
    ["r1", ["done"], undefined],
  ]);
  worker.send({ ...call, promise: [reference("r3"), reference("r4")] });
  await eventually(() => worker.received.at(-1).id === "r3", "the answer arrives");
  assert.equal(sent(worker, "callback").length, 4);
});

test("calls arrive in the order in which they are made, whatever they carry", async () => {
  const order = [];
  const { plugin } = await pluginWith({ note: (_worker, [value]) => void order.push(value.n ?? value._rmime) });
  const deep = (n) => ({ n, deep: [[[[[[[[n]]]]]]]] });
  const calls = [deep(1), new Blob(["x"], { type: "2" }), { n: 3 }, deep(4), { n: 5 }];
  await Promise.all(calls.map((value) => plugin.note(value)));
  assert.deepEqual(order, [1, "2", 3, 4, 5]);
});

test("calls of the page begin in the order of their coming, whatever they carry", async () => {
  const order = [];
  const { worker } = await pluginWith({}, { note: (value) => void order.push(value.n) });
  const deep = (n) => ({ n, deep: [[[[[[[[{ a: [n] }]]]]]]]] });
  const values = [deep(1), { n: 2 }, deep(3), { n: 4 }];
  await Promise.all(values.map((value) => worker.call(worker.api.note, value)));
  assert.deepEqual(order, [1, 2, 3, 4]);
});

test("an answer that cannot be read is an error, and nobody waits for it", async () => {
  const { plugin } = await pluginWith({
    strange: () => ({ _rtype: "typedarray", _rvalue: new ArrayBuffer(2), _rdtype: "bfloat7" }),
  });
  assert.match(String(await rejection(plugin.strange())), /bfloat7/);
});

test("keyword arguments travel as such, and reach a function of the page as its last object", async () => {
  const { plugin, worker } = await pluginWith(
    { take: (own) => own.received.at(-1).with_kwargs === true },
    { describe: (...args) => args },
  );
  assert.equal(await plugin.take(1, { size: 2, _rkwargs: true }), true);
  assert.deepEqual(sent(worker, "method").at(-1).args, [1, { size: 2 }]);
  assert.deepEqual(await worker.call(worker.api.describe, 1, { size: 2 }), [1, { size: 2 }]);
});
