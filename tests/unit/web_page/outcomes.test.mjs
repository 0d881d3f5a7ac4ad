import assert from "node:assert/strict";
import { test } from "node:test";

import { resultWords } from "../../../engine/web/page/core/outcomes.js";

test("a short result is told in words", () => {
  const told = [
    [42, ": 42"],
    ["done", ": done"],
    [true, ": true"],
    [{ cells: 42, runs: 1 }, ': {"cells": 42, "runs": 1}'],
    [[1, "a", null], ': [1, "a", null]'],
    [{}, ": {}"],
    [{ deep: { er: { est: { of: 1 } } } }, ': {"deep": {"er": {"est": {…}}}}'],
    [{ _rtype: "ndarray", _rshape: [512, 512], _rdtype: "uint8", _rvalue: new ArrayBuffer(4) }, ": array 512×512 uint8"],
    [{ mask: { _rtype: "ndarray", _rshape: [2], _rdtype: "bool" } }, ': {"mask": array 2 bool}'],
    [new Float32Array(3), ": array 3 float32"],
    [new ArrayBuffer(8), ": 8 bytes"],
  ];
  for (const [result, words] of told) assert.equal(resultWords(result), words);
});

test("no words are made of nothing, of a function, an interface, a window or a long text", () => {
  for (const result of [undefined, null, "", () => 1, { _rintf: true, draw: () => 1 }, new Map(), { type: "imjoy/image", data: {} }, "a".repeat(201)]) {
    assert.equal(resultWords(result), ".");
  }
});

test("a long result is cut, however long it is", () => {
  const words = resultWords(Array.from({ length: 1_000_000 }, (_, at) => `item ${at}`));
  assert.equal(words.length, 203);
  assert.match(words, /^: \["item 0", .*…$/);
});
