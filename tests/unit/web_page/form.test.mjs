import assert from "node:assert/strict";
import { test } from "node:test";

import { answersOf, complaintOf, fieldOf } from "../../../engine/web/page/joy/fields.js";
import { parseForm } from "../../../engine/web/page/joy/form.js";
import { labelOf, plainText } from "../../../engine/web/page/text/plain.js";

test("a text with a field", () => {
  const { rows, fields } = parseForm("# of data points : {id:'n_points', type: 'number', min: 0, placeholder:20}");
  assert.equal(rows.length, 1);
  assert.equal(labelOf(rows[0].lead), "# of data points");
  assert.deepEqual(
    [fields[0].id, fields[0].kind, fields[0].min, fields[0].value],
    ["n_points", "number", 0, 20],
  );
});

test("rows end at line breaks, words after a field stay with it", () => {
  const { rows } = parseForm(
    "Render: <br>pixel size={id:'p', type:'number', placeholder: 20}nm<br/> width={id:'w', type:'number'} x height={id:'h', type:'number'}",
  );
  assert.deepEqual(
    rows.map((row) => [labelOf(row.lead), row.items.map((item) => item.after.trim())]),
    [
      ["Render", []],
      ["pixel size", ["nm"]],
      ["width", ["x height=", ""]],
    ],
  );
});

test("a heading and a paragraph are rows of their own", () => {
  const size = "{id: 'n', type: 'number'}";
  const { rows } = parseForm(`<h2>Settings</h2>Size ${size} px<h3 class="x">More</h3><p>Some words.</p><p>Name ${size}</p>`);
  assert.deepEqual(
    rows.map((row) => [plainText(row.lead), row.items.map((item) => labelOf(item.after))]),
    [
      ["Settings", []],
      ["Size", ["px"]],
      ["More", []],
      ["Some words.", []],
      ["Name", [""]],
    ],
  );
});

test("a line does not end inside a field", () => {
  const { fields } = parseForm("Text {id: 't', type: 'string', placeholder: 'a<br>b</p>c'}");
  assert.deepEqual([fields[0].id, fields[0].value], ["t", "a<br>b</p>c"]);
});

test("a list of texts and objects", () => {
  const { rows, fields } = parseForm([
    "Options",
    { "chart type": "{id: 'kind', type: 'choose', options: ['a', 'b'], placeholder: 'b'}" },
    { sigma: { id: "sigma", type: "range", min: 1, max: 9 } },
    { id: "name", type: "string", label: "Your name" },
    "",
  ]);
  assert.deepEqual(
    rows.map((row) => labelOf(row.lead)),
    ["Options", "chart type", "sigma", "Your name"],
  );
  assert.deepEqual(
    fields.map((field) => [field.id, field.kind, field.value]),
    [
      ["kind", "choose", "b"],
      ["sigma", "range", 1],
      ["name", "string", ""],
    ],
  );
});

test("what is no field stays in the text", () => {
  const { rows, fields } = parseForm("set {1, 2} and {id: 'x' type}");
  assert.equal(fields.length, 0);
  assert.equal(rows[0].lead, "set {1, 2} and {id: 'x' type}");
});

test("nothing gives no rows", () => {
  for (const ui of [null, undefined, "", [], " <br> "]) assert.deepEqual(parseForm(ui).rows, []);
});

test("answers keep the type of their field", () => {
  const fields = [
    fieldOf({ id: "n", type: "number", placeholder: "20" }),
    fieldOf({ id: "c", type: "choose", options: [1, { label: "two", value: 2 }], placeholder: 2 }),
    fieldOf({ id: "b", type: "boolean", placeholder: true }),
    fieldOf({ id: "s", type: "string", placeholder: "x" }),
    fieldOf({ id: "go", type: "button", label: "OK" }),
    fieldOf({ id: "odd", type: "galaxy", placeholder: 3 }),
  ];
  assert.deepEqual(answersOf(fields, { s: "y" }), { n: 20, c: 2, b: true, s: "y", odd: "3" });
});

test("numbers outside their bounds are complained about", () => {
  const field = fieldOf({ id: "n", type: "number", min: 1, max: 5 });
  assert.equal(field.value, 1);
  assert.equal(complaintOf(field, 3), "");
  assert.equal(complaintOf(field, 0), "At least 1.");
  assert.equal(complaintOf(field, 6), "At most 5.");
  assert.equal(complaintOf(field, Number.NaN), "Enter a number.");
});

test("HTML becomes one line of words", () => {
  assert.equal(plainText("Hello <b>there</b>,<br>\n you &amp; <i>me</i>."), "Hello there, you & me.");
  assert.equal(plainText("3 < 4 and a<5"), "3 < 4 and a<5");
});
