import assert from "node:assert/strict";
import { test } from "node:test";

import { findJsonProblem, ReadError, readLoose } from "../../../engine/web/page/text/json.js";

test("every text that JSON.parse takes has no problem", () => {
  for (const text of ['{"a": [1, -2.5e3, "x\\u00e9\\n", true, null], "b": {}}', " [] ", '"x"', "0"]) {
    assert.deepEqual(JSON.parse(text), readLoose(text));
    assert.equal(findJsonProblem(text), null, text);
  }
});

for (const [text, reason, at] of [
  ['{"a": 1,}', "comma too much", 7],
  ['{"a": 1 "b": 2}', 'comma or "}" is missing', 8],
  ["{'a': 1}", "name in double quotes", 1],
  ['{"a": \'x\'}', "double quotes", 6],
  ['{"a" 1}', "colon is missing", 5],
  ['{"a": "x}', "never closed", 6],
  ['{"a": "x\ny"}', "line break", 8],
  ['{"a": yes}', '"yes" is not a value', 6],
  ['{"a": 01}', "comma", 7],
  ['{"a": [1, 2}', 'comma or "]"', 11],
  ['{"a": 1', "ends before", 7],
  ["", "ends too early", 0],
  ["{} x", "something follows", 3],
]) {
  test(`says what is wrong with ${JSON.stringify(text)}`, () => {
    assert.throws(() => JSON.parse(text));
    const found = findJsonProblem(text);
    assert.ok(found);
    assert.ok(found.message.includes(reason), found.message);
    assert.equal(found.at, at);
  });
}

test("reads loosely written objects as ImJoy's forms use them", () => {
  assert.deepEqual(readLoose("{id:'n_points', type: 'number', min: 0, placeholder:20,}"), {
    id: "n_points",
    type: "number",
    min: 0,
    placeholder: 20,
  });
  assert.deepEqual(readLoose("{a: None, b: True, c: .5, d: [1, 'http://x:80'], 'e-f': +3}"), {
    a: null,
    b: true,
    c: 0.5,
    d: [1, "http://x:80"],
    "e-f": 3,
  });
});

test("a text that is no object fails with its place", () => {
  assert.throws(() => readLoose("{a b}"), (error) => error instanceof ReadError && error.at === 3);
});
