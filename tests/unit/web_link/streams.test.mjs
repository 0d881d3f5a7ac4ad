/** Generators of plugins in the page, and those of the page in plugins. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_ENDED } from "../../../engine/web/link/handed_out.js";
import { FakeEngine } from "./support/engine.mjs";
import { NEVER } from "./support/worker.mjs";
import { coreApi, eventually, linkTo, rejection, started } from "./support/page.mjs";

async function pluginWith(exports, api) {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports } } });
  const link = await linkTo(engine);
  return { engine, link, ...(await started(engine, link, "Plugin", { api: coreApi(api).api })) };
}

/** A plugin whose `count` is a generator up to `length`; `asked` holds what it computed. */
async function counting(length, step = (n) => n) {
  const facts = { asked: 0, closed: 0 };
  const one = (worker, name) => ({ _rtype: "interface", _rtarget_id: worker.peer, _rintf: "s1", _rvalue: name });
  const plugin = await pluginWith({
    count: (worker) => ({
      _rtype: "generator",
      _rintf: "s1",
      next: one(worker, "next"),
      return: one(worker, "return"),
    }),
    next: () => {
      const n = facts.asked++;
      return n < length ? Promise.resolve(step(n)).then((value) => (value === NEVER ? NEVER : { value, done: false })) : { done: true };
    },
    return: () => {
      facts.closed += 1;
      return { done: true };
    },
    take: () => null,
  });
  return { facts, ...plugin };
}

test("for await draws what the generator yields, in order", async () => {
  const { plugin, facts } = await counting(30);
  const got = [];
  for await (const item of await plugin.count()) got.push(item);
  assert.deepEqual(got, [...Array(30).keys()]);
  assert.equal(facts.closed, 0, "it ended by itself");
});

test("it asks for a few items ahead and no more, and for one at first", async () => {
  const { plugin, facts } = await counting(1000);
  const stream = await plugin.count();
  assert.equal(facts.asked, 0);
  assert.deepEqual(await stream.next(), { value: 0, done: false });
  assert.equal(facts.asked, 1);
  for (let count = 0; count < 40; count += 1) await stream.next();
  assert.ok(facts.asked <= 41 + 8, `${facts.asked} were computed`);
});

test("leaving the loop closes it where it lives, and gives up what was asked for", async () => {
  const { plugin, worker, facts } = await counting(1000, (n) => (n < 5 ? n : NEVER));
  for await (const item of await plugin.count()) if (item === 3) break;
  assert.equal(facts.closed, 1);
  await eventually(() => worker.received.some(({ type }) => type === "cancel"), "the cancel arrives");
});

test("an error is thrown after the items before it, and ends it", async () => {
  const { plugin } = await counting(10, (n) => {
    if (n === 3) throw new RangeError("no more");
    return n;
  });
  const stream = await plugin.count();
  const got = [];
  const error = await rejection(
    (async () => {
      for await (const item of stream) got.push(item);
    })(),
  );
  assert.deepEqual(got, [0, 1, 2]);
  assert.deepEqual([error.name, error.message], ["RangeError", "no more"]);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("a plugin that dies ends it with the reason", async () => {
  const { plugin, worker } = await counting(1000, (n) => (n < 1 ? n : NEVER));
  const stream = await plugin.count();
  assert.equal((await stream.next()).value, 0);
  const pending = rejection(stream.next());
  worker.die({ exit_code: 7, words: "exited with code 7" });
  assert.match(String(await pending), /exited with code 7/);
  assert.equal((await stream.next()).done, true);
});

test("it goes home as it came", async () => {
  const { plugin, worker } = await counting(3);
  await plugin.take(await plugin.count());
  const [tree] = worker.received.at(-1).args;
  assert.deepEqual([tree._rtype, tree._rintf, tree.next._rtarget_id], ["generator", "s1", worker.peer]);
});

test("generators of the page are drawn from, step by step", async () => {
  const ended = [];
  const { worker } = await pluginWith(
    {},
    {
      async *letters() {
        try {
          yield* ["a", "b"];
        } finally {
          ended.push("letters");
        }
      },
      *numbers() {
        yield 1;
        throw new TypeError("no more");
      },
    },
  );
  const letters = await worker.call(worker.api.letters);
  assert.deepEqual([letters._rtype, letters.next._rtarget_id], ["generator", worker.client]);
  const steps = await Promise.all([1, 2, 3].map(() => worker.call(letters.next)));
  assert.deepEqual(steps, [{ value: "a", done: false }, { value: "b", done: false }, { done: true }]);
  assert.deepEqual(ended, ["letters"]);
  assert.deepEqual(await worker.call(letters.next), { done: true }, "asked for ahead of the end");

  const numbers = await worker.call(worker.api.numbers);
  assert.deepEqual(await worker.call(numbers.next), { value: 1, done: false });
  assert.equal((await rejection(worker.call(numbers.next)))._rname, "TypeError");
  assert.deepEqual(await worker.call(numbers.next), { done: true });
  worker.send({ type: "released", released: [numbers._rintf] });
  assert.deepEqual(await worker.call(numbers.next), { done: true }, "what was on its way meanwhile");
});

for (const [way, leave] of Object.entries({
  "its return": (worker, stream) => worker.call(stream.return),
  "being let go of": (worker, { _rintf }) => worker.send({ type: "released", released: [_rintf] }),
  "being disposed of": (worker, { _rintf }) => worker.send({ type: "disposeObject", object_id: _rintf }),
  "the plugin's end": (worker) => worker.die({ exit_code: 0, words: "exited with code 0" }),
})) {
  test(`a generator of the page is closed by ${way}`, async () => {
    let closed = 0;
    const { worker } = await pluginWith(
      {},
      {
        async *forever() {
          try {
            for (let n = 0; ; n += 1) yield n;
          } finally {
            closed += 1;
          }
        },
      },
    );
    const stream = await worker.call(worker.api.forever);
    await worker.call(stream.next);
    await leave(worker, stream);
    await eventually(() => closed === 1, "it is closed");
    if (way === "the plugin's end") return;
    const late = worker.call(stream.next);
    if (way === "being let go of") assert.equal((await rejection(late))._rtype, "error", "it did not end");
    else assert.deepEqual(await late, { done: true });
  });
}

test("of the generators that have ended the last ones answer, and nothing else stays", async () => {
  const { worker } = await pluginWith({}, { *none() {} });
  const streams = [];
  for (let n = 0; n < MAX_ENDED + 1; n += 1) {
    streams.push(await worker.call(worker.api.none));
    assert.deepEqual(await worker.call(streams.at(-1).next), { done: true });
  }
  assert.equal((await rejection(worker.call(streams[0].next)))._rtype, "error");
  assert.deepEqual(await worker.call(streams[1].next), { done: true });
  worker.send({ type: "disposeObject", object_id: streams[1]._rintf });
  await eventually(() => worker.received.some(({ type, error }) => type === "disposed" && error), "it was over");
});

test("a generator that another peer draws from is closed when both have gone", async () => {
  let closed = 0;
  const { engine, worker } = await pluginWith(
    {},
    {
      async *forever() {
        try {
          for (let n = 0; ; n += 1) yield n;
        } finally {
          closed += 1;
        }
      },
    },
  );
  const { next, _rintf } = await worker.call(worker.api.forever);
  const message = { type: "method", target_id: worker.client, object_id: _rintf, name: next._rvalue, args: [] };
  engine.frame({ to: worker.client, from: "w99", kind: "rpc" }, message);
  worker.send({ type: "released", released: [_rintf] });
  await worker.call(worker.api.echo, 1);
  assert.equal(closed, 0);
  engine.control("peer_gone", worker.client, { peer: "w99", reason: {} });
  await eventually(() => closed === 1, "it is closed");
});
