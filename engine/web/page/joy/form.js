/**
 * ImJoy's `ui`, a text with fields in it, as rows of a form:
 * "Points: {id: 'n', type: 'number', min: 0, placeholder: 20}<br>Hello" has two rows.
 */

import { ReadError, readLoose } from "../text/json.js";
import { fieldOf } from "./fields.js";

/** @typedef {import("./fields.js").Field} Field */

/**
 * A line of a form: words before the fields, and each field with the words after it.
 * @typedef {object} Row
 * @property {string} lead may hold HTML
 * @property {{field: Field, after: string}[]} items
 */

/** Where a browser would begin a new line: at a break, and around a heading or a paragraph. */
const LINE_END = /<br\s*\/?>|(?<=<\/(?:h[1-6]|p|div)>)|(?=<h[1-6][\s>])/gi;

/**
 * Return a `ui` as rows; what cannot be read stays as text, so that nothing is lost.
 * @param {unknown} ui a string, or a list of strings and objects
 * @returns {{rows: Row[], fields: Field[]}}
 */
export function parseForm(ui) {
  const rows = linesOf(ui).flatMap(rowsOf).filter((row) => row.items.length > 0 || row.lead.trim() !== "");
  return { rows, fields: rows.flatMap((row) => row.items.map((item) => item.field)) };
}

/** @param {unknown} ui @returns {(string | Record<string, unknown>)[]} */
function linesOf(ui) {
  if (ui === null || ui === undefined) return [];
  if (Array.isArray(ui)) return ui.flatMap(linesOf);
  if (typeof ui === "object") return [/** @type {Record<string, unknown>} */ (ui)];
  return splitLines(String(ui));
}

/** Return the lines of a text; what is inside a field's braces is no line's end. @param {string} text */
function splitLines(text) {
  const fields = [...bracesIn(text)];
  const lines = [];
  let from = 0;
  for (const { 0: end, index } of text.matchAll(LINE_END)) {
    if (fields.some(([start, stop]) => start < index && index < stop)) continue;
    lines.push(text.slice(from, index));
    from = index + end.length;
  }
  return [...lines, text.slice(from)];
}

/** @param {string | Record<string, unknown>} line @returns {Row[]} */
function rowsOf(line) {
  if (typeof line === "string") return [rowOf(line)];
  if (isField(line)) return [{ lead: String(line.label ?? line.title ?? line.id), items: [itemOf(line)] }];
  return Object.entries(line).map(([label, value]) => {
    if (isField(value)) return { lead: label, items: [itemOf(value)] };
    return rowOf(`${label}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  });
}

/** @param {string} text @returns {Row} */
function rowOf(text) {
  /** @type {Row} */
  const row = { lead: "", items: [] };
  let rest = 0;
  for (const [start, end] of bracesIn(text)) {
    const spec = readField(text.slice(start, end));
    if (spec === null) continue;
    addWords(row, text.slice(rest, start));
    row.items.push(itemOf(spec));
    rest = end;
  }
  addWords(row, text.slice(rest));
  return row;
}

/** @param {Row} row @param {string} words */
function addWords(row, words) {
  const last = row.items.at(-1);
  if (last) last.after += words;
  else row.lead += words;
}

/** Yield where each outermost {…} begins and ends. @param {string} text @returns {Generator<[number, number]>} */
function* bracesIn(text) {
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "{") {
      if (depth === 0) start = at;
      depth += 1;
    } else if (text[at] === "}" && depth > 0) {
      depth -= 1;
      if (depth === 0) yield [start, at + 1];
    }
  }
}

/** @param {string} text @returns {Record<string, unknown> | null} */
function readField(text) {
  try {
    const value = readLoose(text);
    return isField(value) ? value : null;
  } catch (error) {
    if (error instanceof ReadError) return null;
    throw error;
  }
}

/** @param {Record<string, unknown>} spec */
function itemOf(spec) {
  return { field: fieldOf(spec), after: "" };
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isField(value) {
  return typeof value === "object" && value !== null && ("id" in value || "type" in value);
}
