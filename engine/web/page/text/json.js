/**
 * Reads JSON twice: strictly, to say where a file is wrong in words that do not depend on the
 * browser; and loosely, as ImJoy's `ui` strings are written: `{id: 'n', type: 'number', min: 0}`.
 */

const WORDS = new Map(
  /** @type {[string, unknown][]} */ ([
    ["true", true],
    ["false", false],
    ["null", null],
  ]),
);
const LOOSE_WORDS = new Map([...WORDS, ["True", true], ["False", false], ["None", null]]);
const ESCAPES = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LOOSE_NUMBER = /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$-]*/y;

/** Where and why a text could not be read; `at` counts characters from its start. */
export class ReadError extends Error {
  /** @param {string} reason @param {number} at */
  constructor(reason, at) {
    super(reason);
    this.name = "ReadError";
    this.at = at;
  }
}

/**
 * Return the value of a loosely written object; ReadError says what is wrong.
 * @param {string} text
 */
export function readLoose(text) {
  return new Reader(text, true).whole();
}

/**
 * Return what keeps `text` from being JSON, or null.
 * @param {string} text
 * @returns {ReadError | null}
 */
export function findJsonProblem(text) {
  try {
    new Reader(text, false).whole();
    return null;
  } catch (error) {
    if (error instanceof ReadError) return error;
    throw error;
  }
}

class Reader {
  /** @param {string} text @param {boolean} loose */
  constructor(text, loose) {
    this.text = text;
    this.loose = loose;
    this.at = 0;
  }

  whole() {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail("something follows after the end of the value");
    return value;
  }

  /** @returns {unknown} */
  value() {
    this.space();
    const next = this.text[this.at];
    if (next === undefined) this.fail("the text ends too early");
    if (next === "{") return this.object();
    if (next === "[") return this.array();
    if (next === '"' || (this.loose && next === "'")) return this.string(next);
    if (next === "'") this.fail("text must stand in double quotes");
    const number = this.match(this.loose ? LOOSE_NUMBER : NUMBER);
    if (number !== null) return Number(number);
    return this.word();
  }

  object() {
    /** @type {Record<string, unknown>} */
    const result = {};
    this.at += 1;
    for (let first = true; !this.closes("}", first); first = false) {
      const key = this.key();
      this.space();
      if (this.text[this.at] !== ":") this.fail(`a colon is missing after "${key}"`);
      this.at += 1;
      result[key] = this.value();
    }
    return result;
  }

  array() {
    /** @type {unknown[]} */
    const result = [];
    this.at += 1;
    for (let first = true; !this.closes("]", first); first = false) result.push(this.value());
    return result;
  }

  /** Pass the end of a list, or the comma before its next item. @param {string} end @param {boolean} first */
  closes(end, first) {
    this.space();
    if (this.text[this.at] === end) return this.pass();
    if (first) return false;
    if (this.text[this.at] === undefined) this.fail(`the text ends before its "${end}"`);
    if (this.text[this.at] !== ",") this.fail(`a comma or "${end}" is missing`);
    const comma = this.at;
    this.at += 1;
    this.space();
    if (this.text[this.at] !== end) return false;
    if (!this.loose) this.fail(`there is a comma too much before the "${end}"`, comma);
    return this.pass();
  }

  key() {
    this.space();
    const next = this.text[this.at];
    if (next === '"' || (this.loose && next === "'")) return this.string(next);
    const word = this.loose ? this.match(WORD) : null;
    if (word === null) this.fail("a name in double quotes is missing");
    return word;
  }

  /** @param {string} quote @returns {string} */
  string(quote) {
    const start = this.at;
    let result = "";
    for (this.at += 1; this.at < this.text.length; this.at += 1) {
      const next = this.text[this.at];
      if (next === quote) {
        this.at += 1;
        return result;
      }
      if (next === "\\") result += this.escape();
      else if (next < " " && !this.loose) this.fail("a text in quotes may not contain a line break");
      else result += next;
    }
    return this.fail("a text in quotes is never closed", start);
  }

  escape() {
    this.at += 1;
    const letter = this.text[this.at] ?? "";
    if (letter === "u") {
      const digits = this.text.slice(this.at + 1, this.at + 5);
      if (!/^[\da-fA-F]{4}$/.test(digits)) this.fail("\\u needs four digits");
      this.at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const known = ESCAPES.get(letter) ?? (this.loose || '"\\/'.includes(letter) ? letter : undefined);
    return known ?? this.fail(`"\\${letter}" means nothing in JSON`);
  }

  word() {
    const start = this.at;
    const word = this.match(WORD);
    if (word === null) this.fail(`"${this.text[start]}" is not expected here`);
    const words = this.loose ? LOOSE_WORDS : WORDS;
    if (words.has(word)) return words.get(word);
    return this.fail(`"${word}" is not a value; text must stand in quotes`, start);
  }

  pass() {
    this.at += 1;
    return true;
  }

  /** @param {RegExp} pattern sticky @returns {string | null} */
  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }

  space() {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
  }

  /** @param {string} reason @param {number} [at] @returns {never} */
  fail(reason, at = this.at) {
    throw new ReadError(reason, at);
  }
}
