/** What the page holds of others' objects, and how their owners hear that it does not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { Releases } from "../../../engine/web/link/releases.js";
import { FakeEngine } from "./support/engine.mjs";
import { eventually, linkTo, started } from "./support/page.mjs";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");

async function collected(fact, words) {
  await eventually(() => {
    collect();
    return fact();
  }, words);
}

async function pluginWith(exports, callbacks) {
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, ...exports }, callbacks } });
  const link = await linkTo(engine);
  return started(engine, link);
}

const toldOf = (worker) => worker.received.flatMap(({ released }) => released ?? []);

test("a function that is not held any more is let go of, one that is held is not", async () => {
  const give = (worker, [id]) => ({ _rtype: "callback", _rtarget_id: worker.peer, _rvalue: id });
  const { plugin, worker } = await pluginWith({ give }, { f2: () => 2 });
  await plugin.give("f1");
  const kept = await plugin.give("f2");
  await collected(() => toldOf(worker).includes("f1"), "f1 is let go of");
  assert.equal(toldOf(worker).includes("f2"), false);
  assert.equal(await kept(), 2);
});

test("an object is held by any of its functions, and by what was made of one", async () => {
  const method = (worker, name) => ({
    _rtype: "interface",
    _rtarget_id: worker.peer,
    _rintf: "o1",
    _rvalue: name,
  });
  const make = (worker) => ({ _rintf: "o1", add: method(worker, "add"), get: method(worker, "get") });
  const { plugin, worker } = await pluginWith({ make, get: () => 3 });
  let held = (await plugin.make()).get.withOptions({ timeoutS: 5 });
  collect();
  assert.equal(await held(), 3);
  assert.equal(toldOf(worker).includes("o1"), false);
  held = null;
  await collected(() => toldOf(worker).includes("o1"), "o1 is let go of");
});

test("from its first call on the page says that it tells what it lets go of", async () => {
  const { plugin, worker } = await pluginWith({ quick: () => 1 });
  await plugin.quick();
  assert.deepEqual(worker.received.at(-1).released, []);
});

test("what was handed on is never let go of", async () => {
  const told = [];
  const releases = new Releases((owner) => told.push(owner));
  (() => {
    releases.hold("w2", "f1");
    releases.share("w2", "f1");
    releases.hold("w1", "f2");
  })();
  await collected(() => told.length > 0, "f2 is let go of");
  assert.deepEqual(told, ["w1"]);
  assert.deepEqual(releases.take("w1"), ["f2"]);
  assert.deepEqual(releases.take("w1"), []);
  assert.deepEqual(releases.take("w2"), []);
});

test("what has come again is held", async () => {
  const releases = new Releases(() => undefined);
  const token = releases.hold("w1", "f1");
  assert.equal(releases.hold("w1", "f1"), token);
  assert.notEqual(releases.hold("w2", "f1"), token);
});
