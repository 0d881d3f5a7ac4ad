import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { NEVER } from "./support/worker.mjs";
import { coreApi, eventually, linkTo, rejection, started } from "./support/page.mjs";

/** A started plugin with these exports; `api` is what the core offers to it. */
async function pluginWith(exports, { callbacks, api, behaviour } = {}) {
  const engine = new FakeEngine({
    Plugin: { exports: { setup: () => null, ...exports }, callbacks, ...behaviour },
  });
  const link = await linkTo(engine);
  const core = coreApi(api).api;
  return { engine, link, ...(await started(engine, link, "Plugin", { api: core })) };
}

test("a callback can be called many times, and each call answers", async () => {
  let callback;
  const { plugin, worker } = await pluginWith({ keep: (_worker, [given]) => void (callback = given) });
  const seen = [];
  await plugin.keep((value) => seen.push(value) * 10);
  const answers = [];
  for (const value of ["a", "b", "c"]) answers.push(await worker.call(callback, value));
  assert.deepEqual(seen, ["a", "b", "c"]);
  assert.deepEqual(answers, [10, 20, 30]);
});

test("a callback is let go when the plugin says so, and not before", async () => {
  let callback;
  const { plugin, worker } = await pluginWith({ keep: (_worker, [given]) => void (callback = given) });
  await plugin.keep(() => "here");
  assert.equal(await worker.call(callback), "here");
  worker.send({ type: "released", released: [callback._rvalue] });
  const error = await rejection(worker.call(callback));
  assert.equal(error._rtype, "error");
});

test("a callback that another plugin uses stays when the first one lets go of it", async () => {
  let callback;
  const { engine, plugin, worker } = await pluginWith({
    keep: (_worker, [given]) => void (callback = given),
  });
  await plugin.keep(() => "here");
  const id = callback._rvalue;
  const other = { type: "callback", target_id: worker.client, id, args: [] };
  engine.frame({ to: worker.client, from: "w99", kind: "rpc" }, other);
  worker.send({ type: "released", released: [id] });
  assert.equal(await worker.call(callback), "here");
});

test("the ends of an answered call are not kept", async () => {
  const { plugin, worker } = await pluginWith({ run: () => 1 });
  for (let count = 0; count < 3; count += 1) await plugin.run();
  const ids = worker.received.filter(({ name }) => name === "run").map(({ promise }) => promise);
  const all = ids.flat().map(({ _rvalue: id }) => id);
  assert.equal(new Set(all).size, 6, "no id is used again");
  worker.send({ type: "callback", id: all[0], args: ["late"], with_kwargs: false });
  assert.equal(await plugin.run(), 1);
});

test("a function of the plugin that came as a value can be called, and says what is wrong", async () => {
  const fine = { _rtype: "callback", _rtarget_id: "", _rvalue: "fine" };
  const { plugin } = await pluginWith(
    { give: (worker) => ({ ...fine, _rtarget_id: worker.peer }) },
    {
      callbacks: {
        fine: (_worker, [value]) => {
          if (value < 0) throw new RangeError("too small");
          return value + 1;
        },
      },
    },
  );
  const callback = await plugin.give();
  assert.equal(await callback(1), 2);
  assert.equal(await callback(2), 3);
  assert.match(String(await rejection(callback(-1))), /RangeError: too small/);
  assert.equal(callback.__remote_method, true, "window plugins can keep it, too");
});

test("a callback into a plugin that dies without an answer is rejected", async () => {
  const { plugin, worker } = await pluginWith(
    { give: (own) => ({ _rtype: "callback", _rtarget_id: own.peer, _rvalue: "slow" }) },
    { callbacks: { slow: () => NEVER } },
  );
  const callback = await plugin.give();
  const pending = rejection(callback());
  await eventually(() => worker.received.at(-1).id === "slow", "the call arrives");
  worker.die({ exit_code: null, signal: "SIGKILL", words: "killed by SIGKILL (out of memory?)" });
  assert.match(String(await pending), /out of memory/);
});

test("an error keeps its class, its words and its remote traceback", async () => {
  const { plugin } = await pluginWith({
    fail: () => {
      throw new TypeError("no such thing");
    },
  });
  const error = await rejection(plugin.fail());
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.message], ["TypeError", "no such thing"]);
  assert.match(error.stack, /^Traceback \(most recent call last\):/);
  assert.equal(error.trace, error.stack);
});

test("a function named then does not make a promise of what has it, and holds up nothing", async () => {
  const method = (worker, name) => ({
    _rtype: "interface",
    _rtarget_id: worker.peer,
    _rintf: "o1",
    _rvalue: name,
  });
  const { plugin } = await pluginWith({
    later: (worker) => [
      { then: method(worker, "then"), get: method(worker, "get"), _rintf: "o1" },
      { then: "text" },
    ],
    next: () => 1,
    get: () => 7,
    then: () => NEVER,
  });
  assert.equal(plugin.then, undefined);
  const [later, text] = await plugin.later();
  assert.equal(later.then, undefined);
  assert.equal(await later.get(), 7);
  assert.deepEqual(text, { then: "text" });
  assert.equal(await plugin.next(), 1);
});

test("a promise cannot be sent, and its argument is named where it can be", async () => {
  const { plugin } = await pluginWith({ take: () => 1 });
  const promised = await rejection(plugin.take([Promise.resolve(1)]));
  assert.match(promised.message, /a Promise must be awaited, and its result sent/);
  const symbol = await rejection(plugin.take(1, { a: Symbol("x") }));
  assert.match(symbol.message, /could not be sent: argument 2, key 'a': a value of type symbol/);
});

test("an error that cannot be sent is told of all the same", async () => {
  class Nameless extends Error {
    get name() {
      throw new TypeError("no name");
    }
  }
  const fail = async () => {
    throw new Nameless("out of it");
  };
  const { worker } = await pluginWith({}, { api: { fail } });
  const error = await rejection(worker.call(worker.api.fail));
  assert.match(error._rvalue, /could not be sent/);
});

test("an error of the core keeps its class and trace on the way to the plugin", async () => {
  const { worker } = await pluginWith(
    {},
    {
      api: {
        fail: async () => {
          throw new RangeError("out of it");
        },
      },
    },
  );
  const error = await rejection(worker.call(worker.api.fail));
  assert.deepEqual([error._rname, error._rvalue], ["RangeError", "out of it"]);
  assert.match(error._rtrace, /rpc_patches\.test\.mjs/);
});

test("keyword arguments are marked, and the caller's object stays as it was", async () => {
  const { plugin, worker } = await pluginWith({ run: (_worker, args) => args });
  const kwargs = { sigma: 2, _rkwargs: true };
  assert.deepEqual(await plugin.run("image", kwargs), ["image", { sigma: 2 }]);
  assert.equal(worker.received.at(-1).with_kwargs, true);
  assert.deepEqual(kwargs, { sigma: 2, _rkwargs: true });
});

test("an argument that cannot be sent rejects the call, and the next one works", async () => {
  const { plugin, utils } = await pluginWith({ run: () => 1 });
  class Unsendable {}
  const error = await rejection(plugin.run(Unsendable.prototype.constructor, { a: Symbol("x") }));
  assert.equal(error.code, "not-sent");
  assert.match(error.message, /The call of run of "Plugin" could not be sent/);
  assert.equal(await plugin.run(), 1);
  const calls = 2;
  await eventually(() => utils.running.length === 2 * calls, "the plugin is idle again");
  assert.deepEqual(utils.running, [true, false, true, false]);
});

test("an answer that cannot be sent becomes an error for who asked", async () => {
  const { worker } = await pluginWith({}, { api: { odd: () => Symbol("x"), later: async () => Symbol("x") } });
  assert.equal((await rejection(worker.call(worker.api.odd)))._rtype, "error");
  assert.equal((await rejection(worker.call(worker.api.later)))._rtype, "error");
});

test("a peer reaches what it was handed, and never the way to run code", async () => {
  const { worker } = await pluginWith();
  const { _rintf: object } = worker.api.alert;
  const attempts = [
    [object, "alert.constructor"],
    [object, "constructor"],
    [object, "__proto__.constructor"],
    [object, "utils.constructor.constructor"],
    [object, "toString"],
    ["constructor", "constructor"],
    ["__proto__", "toString"],
    ["unknown", "alert"],
    [object, null],
  ];
  for (const [id, name] of attempts) {
    const encoded = { _rtype: "interface", _rtarget_id: worker.client, _rintf: id, _rvalue: name };
    const error = await rejection(worker.call(encoded, "globalThis.reached = true"));
    assert.match(error._rvalue, /There is no function/, `${id}.${name}`);
  }
  assert.equal(globalThis.reached, undefined);
  assert.equal(await worker.call(worker.api.utils.sleep), "slept");
});

test("only the plugin's own worker may change its interface or end it", async () => {
  const { engine, plugin, worker } = await pluginWith({ run: () => "own" });
  const stranger = { to: worker.client, from: "w99", kind: "rpc" };
  engine.frame(stranger, { type: "setInterface", api: {} });
  engine.frame(stranger, { type: "disconnect" });
  engine.frame(stranger, { type: "execute", code: { type: "script", content: "1" } });
  worker.send({ type: "execute", code: { type: "script", content: "1" } });
  assert.equal(await plugin.run(), "own");
  assert.equal(worker.dead, false);
});

test("a function of one plugin that is handed to another keeps its owner", async () => {
  const engine = new FakeEngine({
    Plugin: { exports: { setup: () => null, work: () => "from the first" } },
    Other: { exports: { setup: () => null } },
  });
  const link = await linkTo(engine);
  const first = await started(engine, link);
  const core = { _rintf: true, getPlugin: async () => first.plugin };
  const other = await started(engine, link, "Other", { api: core });
  const api = await other.worker.call(other.worker.api.getPlugin, "Plugin");
  assert.equal(api.work._rtarget_id, first.worker.peer);
  assert.equal(api.exit._rtarget_id, other.worker.client, "what the page adds is the page's");
  assert.equal(await other.worker.call(api.work), "from the first");
});

test("a call to a plugin that was handed on ends when that plugin dies", async () => {
  const engine = new FakeEngine({
    Plugin: { exports: { setup: () => null, wait: () => NEVER } },
    Other: {
      exports: { setup: () => null, proxy: (worker) => worker.given },
    },
  });
  const link = await linkTo(engine);
  const first = await started(engine, link);
  const other = await started(engine, link, "Other");
  other.worker.given = {
    wait: { _rtype: "interface", _rtarget_id: first.worker.peer, _rintf: "plugin", _rvalue: "wait" },
    _rintf: "given",
  };
  const { wait } = await other.plugin.proxy();
  const pending = rejection(wait());
  await eventually(() => first.worker.received.at(-1).name === "wait", "the call arrives");
  first.worker.die({ exit_code: 9, signal: null, words: "exited with code 9" });
  assert.match(String(await pending), /exited with code 9/);
  assert.match(String(await rejection(wait())), /exited with code 9/);
  assert.equal(other.utils.terminated, 0, "the other plugin lives");
});

test("an object of the page is forgotten by name, and two answers are not mixed up", async () => {
  const { worker } = await pluginWith({}, { api: { handOut: () => ({ _rintf: true, work: () => 1 }) } });
  const object = await worker.call(worker.api.handOut);
  const answers = [];
  worker.on_disposed = ({ object_id: id, error }) => answers.push([id, error !== undefined]);
  worker.send({ type: "disposeObject", object_id: object._rintf });
  worker.send({ type: "disposeObject", object_id: "nothing" });
  await eventually(() => answers.length === 2, "both are answered");
  assert.deepEqual(answers, [[object._rintf, false], ["nothing", true]]);
  assert.match((await rejection(worker.call(object.work)))._rvalue, /no function/);
});

test("the plugin's status follows the first and the last call under way", async () => {
  const ends = [];
  const { plugin, utils } = await pluginWith({
    wait: () => new Promise((resolve) => ends.push(resolve)),
  });
  const both = [plugin.wait(), plugin.wait()];
  await eventually(() => ends.length === 2, "both calls arrive");
  assert.deepEqual(utils.running, [true]);
  for (const end of ends) end(null);
  await Promise.all(both);
  await eventually(() => utils.running.length === 2, "the core is told");
  assert.deepEqual(utils.running, [true, false]);
});
