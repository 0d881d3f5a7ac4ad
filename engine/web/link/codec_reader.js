/** The half of `codec.js` that reads. */

import { CodecError, MAX_DEPTH } from "./codec_rules.js";

/** Reads what a parsed body stands for. Arrays and objects are changed in place. */
export class Reader {
  #buffers;
  /** @type {Map<number, number>} bytes of a buffer not yet given out; -1: all are */
  #left = new Map();

  /** @param {readonly (ArrayBuffer | ArrayBufferView)[]} buffers */
  constructor(buffers) {
    this.#buffers = buffers;
  }

  /**
   * @param {any} node
   * @param {number} levels how many more levels there may be
   * @returns {any}
   */
  read(node, levels) {
    if (typeof node !== "object" || node === null) return node;
    if (Array.isArray(node)) {
      this.#checkLevels(levels);
      for (let index = 0; index < node.length; index += 1) {
        const item = node[index];
        if (typeof item === "object") node[index] = this.read(item, levels - 1);
      }
      return node;
    }
    const keys = Object.keys(node);
    if (keys.some((key) => key[0] === "$")) return this.#readTag(node, keys, levels);
    this.#checkLevels(levels);
    for (const key of keys) {
      const item = node[key];
      if (typeof item === "object") setMember(node, key, this.read(item, levels - 1));
    }
    return node;
  }

  /** @param {number} levels */
  #checkLevels(levels) {
    if (levels === 0) throw new CodecError(`more than ${MAX_DEPTH} levels`);
  }

  /**
   * @param {Record<string, any>} node
   * @param {string[]} keys
   * @param {number} levels
   */
  #readTag(node, keys, levels) {
    if (keys.length !== 1) throw new CodecError(`a tag has company: ${keys.slice(0, 4)}`);
    const [tag] = keys;
    const value = node[tag];
    if (tag === "$buf") return this.#bytes(value);
    if (tag === "$num") return readNumber(value);
    if (tag === "$int") return readBigInt(value);
    if (tag === "$map") return new Map(this.#readPairs(value, levels));
    if (tag === "$obj") {
      /** @type {Record<string, unknown>} */
      const members = {};
      for (const [key, item] of this.#readPairs(value, levels)) {
        if (typeof key !== "string") throw new CodecError("a key of $obj is not a string");
        setMember(members, key, item);
      }
      return members;
    }
    throw new CodecError(`not a tag: ${tag.slice(0, 20)}`);
  }

  /**
   * @param {unknown} value
   * @param {number} levels
   * @returns {[any, any][]}
   */
  #readPairs(value, levels) {
    const arePairs =
      Array.isArray(value) && value.every((pair) => Array.isArray(pair) && pair.length === 2);
    if (!arePairs) throw new CodecError("a list of [key, value] pairs is missing");
    this.#checkLevels(levels);
    return value.map(([key, item]) => {
      return [keyOf(this.read(key, levels - 1)), this.read(item, levels - 1)];
    });
  }

  /**
   * Return a buffer or a part of one; no byte twice, lest few of them stand for many.
   * @param {unknown} place
   * @returns {ArrayBuffer}
   */
  #bytes(place) {
    const isPart = Array.isArray(place) && place.length === 3;
    const [index, offset, size] = isPart ? place : [place, 0, 0];
    if (!isNatural(index) || index >= this.#buffers.length) {
      throw new CodecError(`no buffer ${index} in a frame of ${this.#buffers.length}`);
    }
    const whole = this.#buffers[index];
    const left = this.#left.get(index) ?? whole.byteLength;
    if (!isPart) {
      if (left !== whole.byteLength) throw new CodecError(`buffer ${index} is mentioned twice`);
      this.#left.set(index, -1);
      return exactBytes(whole, 0, whole.byteLength);
    }
    if (!isNatural(offset) || !isNatural(size)) {
      throw new CodecError("a part of a buffer is not [index, offset, size]");
    }
    if (size > left || offset + size > whole.byteLength) {
      throw new CodecError(`buffer ${index} is too small for its parts`);
    }
    this.#left.set(index, left - size);
    return exactBytes(whole, offset, size);
  }
}

/**
 * Return a key, one that Python can have too.
 * @param {unknown} key
 */
function keyOf(key) {
  if (Array.isArray(key)) key.forEach(keyOf);
  else if (typeof key === "object" && key !== null && !(key instanceof ArrayBuffer)) {
    throw new CodecError("an object cannot be a key");
  }
  return key;
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
function isNatural(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/**
 * Return an ArrayBuffer with just these bytes, without a copy where there is one already.
 * @param {ArrayBuffer | ArrayBufferView} data
 * @param {number} offset
 * @param {number} size
 * @returns {ArrayBuffer}
 */
function exactBytes(data, offset, size) {
  const isView = ArrayBuffer.isView(data);
  const buffer = /** @type {ArrayBuffer} */ (isView ? data.buffer : data);
  const start = (isView ? data.byteOffset : 0) + offset;
  if (start === 0 && size === buffer.byteLength) return buffer;
  return buffer.slice(start, start + size);
}

/** @param {unknown} name */
function readNumber(name) {
  if (name === "nan") return NaN;
  if (name === "inf") return Infinity;
  if (name === "-inf") return -Infinity;
  throw new CodecError("$num is not nan, inf or -inf");
}

/** @param {unknown} digits */
function readBigInt(digits) {
  if (typeof digits !== "string" || !/^-?[0-9]{1,4300}$/.test(digits)) {
    throw new CodecError("$int is not a decimal number, or is too long");
  }
  return BigInt(digits);
}

/**
 * Set a member, also one whose name would change what the object is if it were assigned to.
 * @param {Record<string, unknown>} value
 * @param {string} key
 * @param {unknown} item
 */
function setMember(value, key, item) {
  if (key === "__proto__") {
    const property = { value: item, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(value, key, property);
  } else {
    value[key] = item;
  }
}
