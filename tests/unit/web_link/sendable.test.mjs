/** What cannot be sent is refused with the way to it, before anything walks it for ever. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { checkSendable } from "../../../engine/web/link/sendable.js";
import { valueCodecs } from "../../../engine/web/link/values.js";
import { FakeEngine } from "./support/engine.mjs";
import { coreApi, linkTo, rejection, started } from "./support/page.mjs";

const check = (value, asInterface) => checkSendable([value], valueCodecs(), asInterface);
const holding = (fill, value = {}) => {
  fill(value);
  return value;
};

class Shape {
  get area() {
    throw new TypeError("no sides");
  }
}

/** The value, the place where it is the first argument, the reason. */
const REFUSED = {
  "an invalid Date": [{ a: [1, new Date(NaN)] }, ", key 'a', index 1", "an invalid Date"],
  "an invalid Date in a Map": [new Map([["when", new Date(NaN)]]), ", key 'when'", "an invalid Date"],
  "an invalid Date in a Set": [new Set([0, new Date(NaN)]), ", item 1", "an invalid Date"],
  "a promise": [{ a: Promise.resolve() }, ", key 'a'", "a Promise must be awaited"],
  "a getter that throws": [
    {
      a: {
        get b() {
          throw new TypeError("nope");
        },
      },
    },
    ", key 'a', key 'b'",
    "it cannot be read: TypeError: nope",
  ],
  "a class's getter that throws": [{ a: new Shape() }, ", key 'a', key 'area'", "it cannot be read: TypeError: no sides"],
  "a list that holds itself": [holding((list) => list.push(1, [list]), []), ", index 1, index 0", "an object that holds itself"],
  "an object that holds itself": [
    holding((object) => Object.assign(object, { x: 1, self: { object } })),
    ", key 'self', key 'object'",
    "an object that holds itself",
  ],
  "a Map that holds itself": [holding((map) => map.set("m", map), new Map()), ", key 'm'", "an object that holds itself"],
  "an object without a prototype": [{ a: Object.create(null) }, ", key 'a'", "an object without a prototype"],
};

for (const [what, [value, place, reason]] of Object.entries(REFUSED)) {
  test(`${what} is refused, by its place`, () => {
    assert.throws(() => check(value), (error) => {
      assert.equal(error.name, "CodecError");
      assert.ok(error.message.startsWith(`key 'args', index 0${place}: ${reason}`), error.message);
      return true;
    });
  });
}

test("what makes something new at every look comes to an end", () => {
  const endless = () => ({
    get next() {
      return endless();
    },
  });
  assert.throws(() => check(endless()), /^CodecError: key 'args', index 0, key 'next', key 'next', …: nested in more/);
});

test("all else goes on to be encoded", () => {
  const twice = { a: 1 };
  check([twice, twice, new Map([[twice, twice]]), new Date(0), new Uint8Array(3), new Error("told"), null, undefined]);
  check((function* () {})());
  check([new Blob(["x"]), Symbol("x"), 10n, /x/]);
  // Of an interface what begins with "_" stays here.
  check(holding((object) => Object.assign(object, { _self: object, run: () => 1 })), true);
  class Holder {
    _self = this;
  }
  check([new Holder()]);
  assert.throws(() => check(holding((object) => Object.assign(object, { _self: object }))), /holds itself/);
});

test("a caller in the page, or of the page, is told by a typed error with the place", async () => {
  const cyclic = holding((object) => Object.assign(object, { x: 1, self: object }));
  const engine = new FakeEngine({ Plugin: { exports: { setup: () => null, take: () => 7 } } });
  const link = await linkTo(engine);
  const { api } = coreApi({ late: () => ({ when: new Date(NaN) }), odd: () => Symbol("x"), fine: () => 1 });
  const { plugin, worker } = await started(engine, link, "Plugin", { api });
  const error = await rejection(plugin.take(0, { a: cyclic }));
  assert.deepEqual([error.name, error.code], ["LinkError", "not-sent"]);
  const said = "The call of take of \"Plugin\" could not be sent: argument 2, key 'a', key 'self': an object that";
  assert.ok(error.message.startsWith(said), error.message);
  const late = await rejection(worker.call(worker.api.late));
  assert.equal(late._rvalue, "The result could not be sent: key 'when': an invalid Date cannot be sent");
  assert.equal(late._rname, "LinkError");
  const odd = await rejection(worker.call(worker.api.odd));
  assert.equal(odd._rvalue, "The result could not be sent: a value of type symbol cannot be sent");
  assert.equal(await worker.call(worker.api.fine), 1);
  assert.equal(await plugin.take(), 7);
});
