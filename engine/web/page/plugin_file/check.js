/**
 * Looks at a plugin file before the core does: what comes out is either everything that the page
 * shows of the plugin, or one clear sentence. The core parses the same text again.
 */

import { splitBlocks } from "./blocks.js";
import { problem, readConfig } from "./config.js";
import { isPythonScript, pluginOfScript, scriptOfPlugin } from "./python_script.js";
import { checkScripts } from "./scripts.js";
import { isOlder } from "./versions.js";

/** @typedef {import("./blocks.js").Block} Block */
/** @typedef {import("./config.js").Problem} Problem */

/**
 * @typedef {object} PluginFile
 * @property {string} source as the person has it
 * @property {string} code the same for the core, which knows only files with a <config>
 * @property {string} fileName
 * @property {string} name
 * @property {string} type of the chosen tag
 * @property {string} version
 * @property {string} description
 * @property {string} apiVersion
 * @property {string[]} tags
 * @property {string} tag the chosen one, or ""
 * @property {string} icon
 * @property {unknown} ui
 * @property {string} docs markdown
 * @property {boolean} runnable
 * @property {string[]} dependencies
 */

export const PLUGIN_TYPES = [
  "native-python",
  "web-worker",
  "window",
  "iframe",
  "web-python",
  "rpc-window",
  "rpc-worker",
  "collection",
];
const OLD_TYPES = new Map([
  ["pyworker", "native-python"],
  ["webworker", "web-worker"],
  ["webpython", "web-python"],
]);
const KEYED_BY_TAG = ["type", "icon", "ui", "flags", "env", "requirements", "dependencies"];

/**
 * Return the plugin that a text holds, for a tag or for its first one.
 * @param {string} text of a .imjoy.html file, or of a Python script with metadata
 * @param {string} [tag]
 * @param {string} [origin] where the text is from, perhaps a file
 * @returns {{plugin: PluginFile} | {problem: Problem}}
 */
export function checkPluginFile(text, tag = "", origin = "") {
  if (text.trim() === "") return problem("The file is empty.", "Choose a .imjoy.html file.");
  if (text.includes("\0")) {
    return problem("This is not a plugin: the file is not text.", "Choose a .imjoy.html file.");
  }
  // What the core and the engine have of a script is what was made of it.
  const own = scriptOfPlugin(text);
  if (own) return checkScriptFile(own.text, tag, own.fileName);
  return isPythonScript(text) ? checkScriptFile(text, tag, origin) : checkBlocks(text, tag);
}

/** @param {string} text @param {string} tag @param {string} origin @returns {{plugin: PluginFile} | {problem: Problem}} */
function checkScriptFile(text, tag, origin) {
  const made = pluginOfScript(text, origin);
  if ("problem" in made) return made;
  const checked = checkBlocks(made.code, tag);
  return "problem" in checked ? checked : { plugin: { ...checked.plugin, source: text, fileName: made.fileName } };
}

/** @param {string} text @param {string} tag @returns {{plugin: PluginFile} | {problem: Problem}} */
function checkBlocks(text, tag) {
  const { blocks, unclosed } = splitBlocks(text);
  const configBlock = blocks.find((block) => block.tag === "config");
  if (!configBlock) return noConfig(text, unclosed);
  const read = readConfig(configBlock);
  if ("problem" in read) return read;
  if (unclosed) return neverClosed(unclosed);
  const names = checkNames(read.config, configBlock, tag);
  if ("problem" in names) return names;
  const bad = checkScripts(names.plugin, blocks);
  if (bad) return bad;
  const docs = blocks.find((block) => block.tag === "docs")?.content.trim();
  return { plugin: { ...names.plugin, source: text, code: text, docs: docs ?? textOf(read.config.docs) } };
}

/** @param {string} text @param {Block | null} unclosed */
function noConfig(text, unclosed) {
  if (unclosed) return neverClosed(unclosed);
  const what = /<html[\s>]|<!doctype/i.test(text) ? "an ordinary web page" : "no ImJoy plugin";
  return problem(
    `This file is ${what}: it has no <config> block.`,
    'A plugin file has a <config lang="json"> block and a <script> block; ' +
      'a plain Python script begins with "# /// script", "# [tool.imjoy]", \'# name = "…"\' and "# ///".',
  );
}

/** @param {Block} block */
function neverClosed(block) {
  return problem(
    `The <${block.tag}> block that begins on line ${block.line} is never closed.`,
    `Add </${block.tag}> where it ends.`,
    block.line,
  );
}

/**
 * @param {Record<string, unknown>} config @param {Block} block @param {string} wanted tag
 * @returns {{plugin: PluginFile} | {problem: Problem}}
 */
function checkNames(config, block, wanted) {
  const { name } = config;
  if (typeof name !== "string" || name.trim() === "") {
    return problem("The plugin has no name.", 'Add "name" to its <config> block.', block.line);
  }
  if (name.includes("/")) {
    return problem(`The plugin's name, "${name}", contains a slash.`, "Choose another name.", block.line);
  }
  if (typeof config.api_version !== "string") {
    return problem(
      `The plugin "${name}" does not say which ImJoy API it was written for.`,
      'Add "api_version": "0.1.8" to its <config> block.',
      block.line,
    );
  }
  const tags = Array.isArray(config.tags) ? config.tags.map(String) : [];
  const tag = tags.includes(wanted) ? wanted : (tags[0] ?? "");
  const keyed = KEYED_BY_TAG.find((key) => isKeyed(config[key]));
  if (keyed && !tag) {
    return problem(
      `The plugin "${name}" gives "${keyed}" for each tag, but lists no tags.`,
      `Add "tags", or give "${keyed}" only once.`,
      block.line,
    );
  }
  const type = typeOf(config, tag);
  if (!PLUGIN_TYPES.includes(type)) return unknownType(name, type, block);
  return { plugin: describe(config, { name, type, tag, tags }) };
}

/** @param {string} name @param {string} type @param {Block} block */
function unknownType(name, type, block) {
  return problem(
    type ? `The plugin "${name}" has the unknown type "${type}".` : `The plugin "${name}" has no type.`,
    `The types are ${PLUGIN_TYPES.join(", ")}.`,
    block.line,
  );
}

/**
 * @param {Record<string, unknown>} config
 * @param {{name: string, type: string, tag: string, tags: string[]}} known
 * @returns {PluginFile}
 */
function describe(config, known) {
  const of = (/** @type {string} */ key) => (isKeyed(config[key]) ? config[key][known.tag] : config[key]);
  const dependencies = of("dependencies");
  return {
    ...known,
    source: "",
    code: "",
    fileName: `${known.name}.imjoy.html`,
    docs: "",
    version: textOf(config.version),
    description: textOf(config.description),
    apiVersion: textOf(config.api_version),
    icon: textOf(of("icon")),
    ui: of("ui") ?? null,
    runnable: config.runnable !== false,
    dependencies: Array.isArray(dependencies) ? dependencies.map(String) : [],
  };
}

/** Plugins older than API 0.1.2 say `mode`, and other words for the types. @param {Record<string, unknown>} config @param {string} tag */
function typeOf(config, tag) {
  const type = textOf((isKeyed(config.type) ? config.type[tag] : config.type) ?? config.mode);
  return isOlder(textOf(config.api_version), "0.1.2") ? (OLD_TYPES.get(type) ?? type) : type;
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isKeyed(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
