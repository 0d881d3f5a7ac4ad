/**
 * Whether a call's arguments, or a result, can be sent at all, said with the way to what cannot.
 *
 * imjoy-rpc's class walks whatever it is given and knows no place: of an object that holds itself it
 * never comes to an end. So this walks the same way before it. What is left to `codec_writer.js`:
 * values that have no form.
 */

import { CodecError, MAX_DEPTH } from "./codec_rules.js";
import { RemoteStream, isGenerator } from "./streams.js";

/** So many steps of the way are told where all would be too long. */
const TOLD_STEPS = 4;

/**
 * Do nothing if the values can be sent.
 * @param {any[]} args
 * @param {Record<string, {type?: any, encoder?: unknown}>} codecs of values that are sent as one
 * @param {boolean} [asInterface] whether members with a leading "_" stay here
 * @throws {CodecError} naming the place of a promise, a date that is none, an object that holds
 *   itself, one that fails to be read, or one without a prototype
 */
export function checkSendable(args, codecs, asInterface = false) {
  const known = Object.values(codecs).filter(({ encoder, type }) => encoder && type);
  new Check(known.map(({ type }) => type)).visit(args, ["key 'args'"], asInterface);
}

class Check {
  /** What the walk is in. @type {Set<object>} */
  open = new Set();

  /** @param {any[]} types of what has a codec of its own */
  constructor(types) {
    this.types = types;
  }

  /**
   * @param {any} value
   * @param {string[]} path
   * @param {boolean} asInterface
   */
  visit(value, path, asInterface) {
    if (typeof value !== "object" || value === null) return;
    if (this.open.has(value)) throw refusal(path, "an object that holds itself cannot be sent");
    if (path.length > MAX_DEPTH) {
      const way = [...path.slice(0, TOLD_STEPS), "…"];
      throw refusal(way, `nested in more than ${MAX_DEPTH} levels, or in itself`);
    }
    this.open.add(value);
    reading(path, () => this.visitMembers(value, path, asInterface));
    this.open.delete(value);
  }

  /**
   * @param {any} value
   * @param {string[]} path
   * @param {boolean} asInterface
   */
  visitMembers(value, path, asInterface) {
    switch (this.kindOf(value, path)) {
      case "Array":
        this.visitItems(value, "index", path, asInterface);
        break;
      case "Set":
        this.visitItems([...value], "item", path, asInterface);
        break;
      case "Map":
        for (const [key, item] of value) {
          this.visit(key, [...path, "a key"], asInterface);
          if (isObject(item)) this.visit(item, [...path, `key '${String(key)}'`], asInterface);
        }
        break;
      case "Object":
        this.visitObject(value, path, asInterface);
    }
  }

  /**
   * @param {any[]} items
   * @param {string} word
   * @param {string[]} path
   * @param {boolean} asInterface
   */
  visitItems(items, word, path, asInterface) {
    for (let index = 0; index < items.length; index += 1) {
      const item = items[index];
      if (isObject(item)) this.visit(item, [...path, `${word} ${index}`], asInterface);
    }
  }

  /**
   * @param {any} value
   * @param {string[]} path
   * @param {boolean} asInterface
   */
  visitObject(value, path, asInterface) {
    const prototype = Object.getPrototypeOf(value);
    if (prototype === null) {
      throw refusal(path, "an object without a prototype cannot be sent: send a copy, {...object}");
    }
    const isInstance = value.constructor !== Object;
    const isInterface = asInterface || isInstance || Boolean(value._rintf);
    const inherited = isInstance ? Object.getOwnPropertyNames(prototype) : [];
    for (const key of [...inherited, ...Object.keys(value)]) {
      if (key === "constructor" || (isInterface && key.startsWith("_"))) continue;
      const way = [...path, `key '${key}'`];
      this.visit(reading(way, () => value[key]), way, isInterface);
    }
  }

  /**
   * Return what the walk goes on in; "" where it need not.
   * @param {any} value
   * @param {string[]} path
   */
  kindOf(value, path) {
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      throw refusal(path, "an invalid Date cannot be sent");
    }
    if (value instanceof RemoteStream || isGenerator(value)) return "";
    if (this.types.some((type) => value instanceof type)) return "";
    if (typeof value.then === "function") {
      throw refusal(path, "a Promise must be awaited, and its result sent");
    }
    if (isTensor(value)) return "";
    return Array.isArray(value) ? "Array" : Object.prototype.toString.call(value).slice(8, -1);
  }
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** Whether imjoy-rpc sends it as an array. @param {object} value */
function isTensor(value) {
  const { tf, nj } = /** @type {Record<string, any>} */ (globalThis);
  return [tf?.Tensor, nj?.NdArray].some((type) => type !== undefined && value instanceof type);
}

/**
 * @template T
 * @param {string[]} path
 * @param {() => T} read
 * @returns {T}
 */
function reading(path, read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodecError) throw error;
    throw refusal(path, `it cannot be read: ${error}`, error);
  }
}

/**
 * @param {string[]} path
 * @param {string} words
 * @param {unknown} [cause]
 */
function refusal(path, words, cause) {
  return new CodecError(`${path.join(", ")}: ${words}`, cause === undefined ? {} : { cause });
}
