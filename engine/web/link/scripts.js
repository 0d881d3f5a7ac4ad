/** A plugin's Python scripts, each with its place in the plugin file. */

import { LinkError } from "./errors.js";

/**
 * A `<script>` block as the core has parsed it: `start` and `end` are offsets into the plugin
 * file, and `content` has lost its common indentation.
 * @typedef {{content?: string, attrs?: Record<string, any>, start?: number, end?: number}} Block
 */

/**
 * @typedef {object} Script
 * @property {"script"} type
 * @property {"python"} lang
 * @property {string} content
 * @property {Record<string, any>} attrs
 * @property {string} filename what tracebacks call it
 * @property {number} first_line the line of `filename` on which `content` begins, from 1
 */

const LINE_END = /\r\n|\r|\n/g;

/**
 * Return what the worker must execute, in order. LinkError where there is nothing to execute, a
 * script is in another language, or its file cannot be loaded.
 * @param {Record<string, any>} config the plugin's, as the core has parsed it
 * @param {(url: string) => Promise<Response>} load
 * @returns {Promise<Script[]>}
 */
export async function pythonScripts(config, load) {
  /** @type {Block[]} */
  const blocks = Array.isArray(config.scripts) ? config.scripts : [];
  const scripts = await Promise.all(blocks.map((block) => pythonScript(config, block, load)));
  if (scripts.length === 0) {
    throw new LinkError(`The plugin "${config.name}" has no script.`, {
      code: "no-script",
      hint: 'Add a <script lang="python"> block, with the tag that is chosen if it has tags.',
    });
  }
  return scripts;
}

/**
 * @param {Record<string, any>} config
 * @param {Block} block
 * @param {(url: string) => Promise<Response>} load
 * @returns {Promise<Script>}
 */
async function pythonScript(config, block, load) {
  const attrs = { ...block.attrs };
  const lang = String(attrs.lang || "python").toLowerCase();
  if (lang !== "python" && lang !== "py") {
    throw new LinkError(
      `The plugin "${config.name}" is of type native-python, but has a script in ${lang}.`,
      { code: "wrong-language", hint: 'Write <script lang="python">, or change its type.' },
    );
  }
  const script = { type: /** @type {const} */ ("script"), lang: /** @type {const} */ ("python") };
  if (typeof attrs.src === "string") {
    const { content, url } = await loaded(attrs.src, config, load);
    return { ...script, attrs, content, filename: url, first_line: 1 };
  }
  return {
    ...script,
    attrs,
    content: block.content ?? "",
    // The page says so of a script that was a file of its own.
    filename: typeof attrs.file === "string" ? attrs.file : `${config.name}.imjoy.html`,
    first_line: firstLine(String(config.code ?? ""), block),
  };
}

/**
 * Return the line of `code` on which the block's content begins, counted from 1; 1 when it cannot
 * be found. Removing indentation keeps the number of lines, so comparing ignores white space.
 * @param {string} code the plugin file
 * @param {Block} block
 * @returns {number}
 */
export function firstLine(code, { content = "", start, end }) {
  const wanted = squeezed(content);
  if (typeof start === "number" && typeof end === "number") {
    if (squeezed(code.slice(start, end)) === wanted) return lineAt(code, start);
  }
  for (const tag of code.matchAll(/<script\b[^>]*>/gi)) {
    const from = tag.index + tag[0].length;
    const to = code.indexOf("</script", from);
    if (squeezed(code.slice(from, to < 0 ? undefined : to)) === wanted) return lineAt(code, from);
  }
  return 1;
}

/**
 * @param {string} code
 * @param {number} offset
 * @returns {number}
 */
function lineAt(code, offset) {
  return 1 + (code.slice(0, offset).match(LINE_END)?.length ?? 0);
}

/**
 * @param {string} text
 * @returns {string}
 */
function squeezed(text) {
  return text.replace(/\s+/g, "");
}

/**
 * @param {string} src
 * @param {Record<string, any>} config
 * @param {(url: string) => Promise<Response>} load
 * @returns {Promise<{content: string, url: string}>}
 */
async function loaded(src, config, load) {
  const base = [config.uri, config.origin, globalThis.location?.href].find(isUrl);
  try {
    const url = new URL(src, base).href;
    const response = await load(url);
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    return { content: await response.text(), url };
  } catch (error) {
    throw new LinkError(`The script ${src} of "${config.name}" cannot be loaded: ${error}.`, {
      code: "script-not-loaded",
      hint: "Put the script into the plugin file, or give its whole address.",
    });
  }
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
function isUrl(value) {
  return typeof value === "string" && URL.canParse(value);
}
