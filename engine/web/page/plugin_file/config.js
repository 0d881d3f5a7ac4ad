/** The <config> block of a plugin file as an object, or the one sentence that says why not. */

import { load, YAMLException } from "../../vendor/yaml.js";
import { findJsonProblem } from "../text/json.js";
import { lineAt } from "./blocks.js";

/** @typedef {import("./blocks.js").Block} Block */

/**
 * What keeps a plugin file from being loaded, for the person who brought it.
 * @typedef {object} Problem
 * @property {string} message one sentence
 * @property {string} hint what to do next
 * @property {number | null} line in the file, from 1
 */

/**
 * @param {string} message @param {string} [hint] @param {number | null} [line]
 * @returns {{problem: Problem}}
 */
export function problem(message, hint = "", line = null) {
  return { problem: { message, hint, line } };
}

/**
 * Return the object that a <config> block holds.
 * @param {Block} block
 * @returns {{config: Record<string, unknown>} | {problem: Problem}}
 */
export function readConfig(block) {
  const lang = (block.attrs.lang ?? "").toLowerCase();
  if (lang && lang !== "json" && lang !== "yaml") {
    return problem(
      `The <config> block is written in "${lang}", which no ImJoy reads.`,
      'Write it in JSON and say so: <config lang="json">.',
      block.line,
    );
  }
  const read = lang === "yaml" ? readYaml(block) : readJson(block);
  if ("problem" in read) return read;
  if (typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) {
    return problem(
      "The <config> block does not hold an object.",
      'It needs at least "name", "type" and "api_version".',
      block.line,
    );
  }
  return { config: /** @type {Record<string, unknown>} */ (read.value) };
}

/** @param {Block} block @returns {{value: unknown} | {problem: Problem}} */
function readJson(block) {
  const wrong = findJsonProblem(block.content);
  if (wrong === null) return { value: JSON.parse(block.content) };
  const line = block.line + lineAt(block.content, wrong.at) - 1;
  return problem(
    `The <config> block is not valid JSON: line ${line} of the file, ${wrong.message}.`,
    "Correct that line and load the file again.",
    line,
  );
}

/** @param {Block} block @returns {{value: unknown} | {problem: Problem}} */
function readYaml(block) {
  try {
    return { value: load(block.content) };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const line = block.line + (error.mark?.line ?? 0);
    return problem(
      `The <config> block is not valid YAML: line ${line} of the file, ${error.reason}.`,
      "Correct that line and load the file again.",
      line,
    );
  }
}
