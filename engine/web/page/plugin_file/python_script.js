/**
 * A plugin that is one plain Python script, with metadata at its top (PEP 723) in which a table
 * [tool.imjoy] says what a <config> block says; the same as a plugin file of the usual form.
 */

import { parse, TomlError } from "../../vendor/toml.js";
import { lineAt } from "./blocks.js";
import { problem } from "./config.js";

/** @typedef {import("./config.js").Problem} Problem */

/** The expression of the standard (PEP 723, "Specification"). */
const BLOCK = /^# \/\/\/ script[ \t]*\r?\n((?:^#(?:| .*)\r?\n)+?)^# \/\/\/[ \t]*$/m;
const API_VERSION = "0.1.8";
/** What `pluginOfScript` makes. */
const MADE = /^<config lang="json">[^\n]*<\/config><script lang="python" file="([^"]*)">([^]*)<\/script>\n$/;

/** Return whether a text is a Python script with metadata. @param {string} text */
export function isPythonScript(text) {
  return BLOCK.test(text) && !/<config[\s>]/i.test(text);
}

/**
 * Return the script of which `pluginOfScript` has made a text, and its file's name; null of any other text.
 * @param {string} text
 * @returns {{text: string, fileName: string} | null}
 */
export function scriptOfPlugin(text) {
  const [, fileName = "", script = ""] = MADE.exec(text) ?? [];
  if (!isPythonScript(script)) return null;
  const made = pluginOfScript(script, fileName);
  // Somebody may have changed its <config> since.
  return "code" in made && made.code === text ? { text: script, fileName } : null;
}

/**
 * Return the plugin file that means the same, for the core. Its lines are those of the script.
 * @param {string} text
 * @param {string} [origin] the script's file or address; without a name in it, the plugin's name is taken
 * @returns {{code: string, fileName: string} | {problem: Problem}}
 */
export function pluginOfScript(text, origin = "") {
  const found = /** @type {RegExpExecArray} */ (BLOCK.exec(text));
  const line = lineAt(text, found.index);
  if (/<\/script/i.test(text)) {
    return problem("The script contains the word </script, which ends a script.", "Write it as '<' + '/script'.", line);
  }
  const read = readToml(found[1].replace(/^# ?/gm, ""), line);
  if ("problem" in read) return read;
  const { tool = {}, ...metadata } = read.metadata;
  if (!isTable(tool) || !isTable(tool.imjoy)) {
    return problem(
      "This Python script is no plugin: its metadata have no [tool.imjoy].",
      'Add "# [tool.imjoy]" and "# name = …" to the block at its top.',
      line,
    );
  }
  if (typeof tool.imjoy.name !== "string" || tool.imjoy.name.trim() === "") {
    return problem("The plugin has no name.", 'Add "# name = …" below "# [tool.imjoy]".', line);
  }
  const config = { type: "native-python", api_version: API_VERSION, ...configOf(metadata, tool, tool.imjoy) };
  const json = JSON.stringify(config).replaceAll("<", "\\u003c");
  const fileName = fileNameOf(origin, tool.imjoy.name);
  const code = `<config lang="json">${json}</config><script lang="python" file="${fileName}">${text}</script>\n`;
  return { code, fileName };
}

/** Return what tracebacks and downloads call a script; it stands in an attribute. @param {string} origin @param {string} name */
function fileNameOf(origin, name) {
  const [, stem = name] = /([^/\\]+)\.py(?:[?#].*)?$/i.exec(origin) ?? [];
  return `${stem.replace(/[^\p{L}\p{N}\p{M} ._()+-]+/gu, "_") || "plugin"}.py`;
}

/**
 * @param {Record<string, unknown>} metadata @param {Record<string, unknown>} tool
 * @param {Record<string, unknown>} imjoy
 */
function configOf(metadata, tool, imjoy) {
  const { environment = {}, ...config } = imjoy;
  const settings = isTable(environment) ? { ...environment } : {};
  if (metadata["requires-python"] !== undefined) settings.version ??= metadata["requires-python"];
  const { "exclude-newer": day, ...uv } = isTable(tool.uv) ? tool.uv : {};
  if (day !== undefined) settings.exclude_newer ??= day instanceof Date ? day.toISOString() : String(day);
  if (Object.keys(uv).length > 0) settings.uv = Object.keys(uv); // the engine knows which of it matters
  const python = Object.keys(settings).length > 0 ? [{ type: "python", options: settings }] : [];
  const env = [...python, ...listOf(config.env)];
  return {
    ...config,
    requirements: [...listOf(metadata.dependencies), ...listOf(config.requirements)],
    ...(env.length > 0 ? { env } : {}),
  };
}

/** @param {string} toml @param {number} line @returns {{metadata: Record<string, unknown>} | {problem: Problem}} */
function readToml(toml, line) {
  try {
    return { metadata: parse(toml) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const at = line + error.line;
    const words = error.message.split("\n")[0];
    return problem(`The metadata of the script are no TOML: line ${at}, ${words}.`, "Correct that line.", at);
  }
}

/** @param {unknown} value @returns {unknown[]} */
function listOf(value) {
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isTable(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
