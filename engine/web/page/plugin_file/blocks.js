/** A plugin file as its top-level blocks: <config>, <script>, <docs> and the rest. */

/**
 * @typedef {object} Block
 * @property {string} tag
 * @property {Record<string, string>} attrs
 * @property {string} content
 * @property {number} line where the content begins, from 1
 */

const OPENING =
  /<!--|<(config|script|docs|window|style|attachment|link)((?:\s(?:"[^"]*"|'[^']*'|[^>"'])*)?)>/gi;
const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g;

/**
 * Return the blocks of a plugin file in order, and the first block that is never closed.
 * @param {string} text
 * @returns {{blocks: Block[], unclosed: Block | null}}
 */
export function splitBlocks(text) {
  /** @type {Block[]} */
  const blocks = [];
  OPENING.lastIndex = 0;
  for (let found = OPENING.exec(text); found !== null; found = OPENING.exec(text)) {
    if (found[1] === undefined) {
      OPENING.lastIndex = endOf(text, "-->", OPENING.lastIndex) ?? text.length;
      continue;
    }
    const tag = found[1].toLowerCase();
    const start = OPENING.lastIndex;
    const block = { tag, attrs: attributesOf(found[2]), content: "", line: lineAt(text, start) };
    if (tag !== "link" && !found[2].trimEnd().endsWith("/")) {
      const close = new RegExp(`</${tag}\\s*>`, "gi");
      close.lastIndex = start;
      const end = close.exec(text);
      if (end === null) return { blocks, unclosed: block };
      block.content = text.slice(start, end.index);
      OPENING.lastIndex = close.lastIndex;
    }
    blocks.push(block);
  }
  return { blocks, unclosed: null };
}

/** Return the line, from 1, of a character. @param {string} text @param {number} at */
export function lineAt(text, at) {
  return text.slice(0, at).split("\n").length;
}

/** @param {string} text @returns {Record<string, string>} */
function attributesOf(text) {
  /** @type {Record<string, string>} */
  const attrs = {};
  for (const [, name, double, single, bare] of text.matchAll(ATTRIBUTE)) {
    attrs[name.toLowerCase()] = double ?? single ?? bare ?? "";
  }
  return attrs;
}

/** @param {string} text @param {string} mark @param {number} from @returns {number | null} */
function endOf(text, mark, from) {
  const at = text.indexOf(mark, from);
  return at < 0 ? null : at + mark.length;
}
