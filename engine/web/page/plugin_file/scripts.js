/** Whether a plugin file has the script that its type needs. */

import { problem } from "./config.js";

/** @typedef {import("./blocks.js").Block} Block */
/** @typedef {import("./config.js").Problem} Problem */

const PYTHON_TYPES = ["native-python", "web-python"];
const TYPES_WITHOUT_SCRIPT = ["collection", "rpc-window", "rpc-worker"];

/**
 * Return what is wrong with the scripts, or null.
 * @param {{name: string, type: string, tag: string}} plugin
 * @param {Block[]} blocks
 * @returns {{problem: Problem} | null}
 */
export function checkScripts({ name, type, tag }, blocks) {
  if (TYPES_WITHOUT_SCRIPT.includes(type)) return null;
  const lang = PYTHON_TYPES.includes(type) ? "python" : "javascript";
  const scripts = blocks.filter((block) => block.tag === "script");
  if (scripts.length === 0) {
    return problem(
      `The plugin "${name}" has no <script> block, so there is nothing to run.`,
      `Add <script lang="${lang}"> with the plugin's code.`,
    );
  }
  const mine = scripts.filter((block) => !block.attrs.tag || block.attrs.tag === tag);
  if (mine.length === 0) {
    return problem(
      `The plugin "${name}" has no <script> block for its tag "${tag}".`,
      `Add <script lang="${lang}" tag="${tag}">, or choose another tag.`,
    );
  }
  const written = mine.find((block) => (block.attrs.lang ?? "javascript") === lang);
  if (!written) {
    return problem(
      `The plugin "${name}" is of type ${type}, but none of its scripts is in ${nameOf(lang)}.`,
      `Write <script lang="${lang}">.`,
      mine[0].line,
    );
  }
  if (written.content.trim() === "" && !written.attrs.src) {
    return problem(`The script of the plugin "${name}" is empty.`, "", written.line);
  }
  return null;
}

/** @param {string} lang */
function nameOf(lang) {
  return lang === "python" ? "Python" : "JavaScript";
}
