/** The half of `codec.js` that writes. */

import {
  CodecError,
  MAX_DEPTH,
  MAX_INT_DIGITS,
  MAX_LOOSE_BUFFERS,
  MAX_SHARED_BYTES,
} from "./codec_rules.js";

/** @typedef {ArrayBuffer | Uint8Array} Bytes */

const ALIGNMENT_BYTES = 8;

/** @param {object} value */
function isPlainObject(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The class of an object, also of one from another window. @param {object} value */
function classOf(value) {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/**
 * Tell whether JSON can say all of the value, so that the fast writer may have it.
 * @param {unknown} value
 * @param {number} levels
 * @returns {boolean}
 */
export function isPlainJson(value, levels) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0) && !looksLarge(value);
    case "object":
      return value === null || holdsPlainJson(value, levels);
    default:
      return false;
  }
}

/**
 * @param {object} value
 * @param {number} levels
 */
function holdsPlainJson(value, levels) {
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlainJson(item, levels - 1)) return false;
    return true;
  }
  if (!isPlainObject(value) || classOf(value) !== "Object") return false;
  for (const [key, item] of Object.entries(value)) {
    if (key[0] === "$" || (item !== undefined && !isPlainJson(item, levels - 1))) return false;
  }
  return true;
}

/** Writes one message that JSON alone cannot say. */
export class Writer {
  /** @type {string[]} the text, in pieces */
  pieces = [];
  /** @type {{piece: number, bytes: Bytes}[]} every buffer, and the piece that is its place */
  #placed = [];

  /**
   * @param {unknown} value
   * @param {string[]} path the way to the value, for errors
   * @param {number} levels how many more levels there may be
   */
  write(value, path, levels) {
    switch (typeof value) {
      case "string":
      case "boolean":
        this.pieces.push(JSON.stringify(value));
        return;
      case "number":
        this.pieces.push(numberText(value));
        return;
      case "bigint":
        this.pieces.push(`{"$int":"${bigIntDigits(value, path)}"}`);
        return;
      case "undefined":
        this.pieces.push("null");
        return;
      case "object":
        if (value === null) this.pieces.push("null");
        else this.#writeObject(value, path, levels);
        return;
      default:
        throw unsupported(typeof value, path);
    }
  }

  /**
   * @param {object} value
   * @param {string[]} path
   * @param {number} levels
   */
  #writeObject(value, path, levels) {
    const kind = classOf(value);
    if (kind === "ArrayBuffer") {
      this.#writeBytes(/** @type {ArrayBuffer} */ (value));
    } else if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value;
      this.#writeBytes(new Uint8Array(buffer, byteOffset, byteLength));
    } else if (levels === 0) {
      throw new CodecError(`${where(path)}nested in more than ${MAX_DEPTH} levels, or in itself`);
    } else if (Array.isArray(value)) {
      this.#writeList(value, (item, index) => {
        this.write(item, [...path, `index ${index}`], levels - 1);
      });
    } else if (kind === "Map") {
      this.#writePairs("$map", [.../** @type {Map<unknown, unknown>} */ (value)], path, levels);
    } else if (kind === "Date") {
      this.#writeDate(/** @type {Date} */ (value), path);
    } else if (kind === "Boolean" || kind === "Number" || kind === "String") {
      this.write(value.valueOf(), path, levels);
    } else if (kind === "Object" && isPlainObject(value)) {
      this.#writeMembers(value, path, levels);
    } else {
      throw unsupported(kind === "Object" ? value.constructor?.name || kind : kind, path);
    }
  }

  /**
   * @template Item
   * @param {readonly Item[]} items
   * @param {(item: Item, index: number) => void} writeItem
   */
  #writeList(items, writeItem) {
    this.pieces.push("[");
    for (let index = 0; index < items.length; index += 1) {
      if (index > 0) this.pieces.push(",");
      writeItem(items[index], index);
    }
    this.pieces.push("]");
  }

  /**
   * @param {object} value
   * @param {string[]} path
   * @param {number} levels
   */
  #writeMembers(value, path, levels) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    if (entries.some(([key]) => key[0] === "$")) {
      this.#writePairs("$obj", entries, path, levels);
      return;
    }
    let opening = "{";
    for (const [key, item] of entries) {
      this.pieces.push(opening, JSON.stringify(key), ":");
      this.write(item, [...path, `key '${key}'`], levels - 1);
      opening = ",";
    }
    this.pieces.push(opening === "{" ? "{}" : "}");
  }

  /**
   * @param {"$map" | "$obj"} tag
   * @param {[unknown, unknown][]} entries
   * @param {string[]} path
   * @param {number} levels
   */
  #writePairs(tag, entries, path, levels) {
    this.pieces.push(`{"${tag}":`);
    this.#writeList(entries, ([key, item]) => {
      this.pieces.push("[");
      this.write(key, [...path, "a key"], levels - 1);
      this.pieces.push(",");
      this.write(item, [...path, `key '${String(key)}'`], levels - 1);
      this.pieces.push("]");
    });
    this.pieces.push("}");
  }

  /**
   * @param {Date} date
   * @param {string[]} path
   */
  #writeDate(date, path) {
    if (Number.isNaN(date.getTime())) throw new CodecError(`${where(path)}an invalid Date`);
    this.pieces.push(`{"_rtype":"datetime","_rvalue":"${date.toISOString()}"}`);
  }

  /** @param {Bytes} bytes */
  #writeBytes(bytes) {
    this.pieces.push('{"$buf":', "", "}");
    this.#placed.push({ piece: this.pieces.length - 2, bytes });
  }

  /**
   * Say of each buffer where it is, and return those that go with the body.
   * @returns {Bytes[]}
   */
  settleBuffers() {
    const isCrowded = this.#placed.length > MAX_LOOSE_BUFFERS;
    /** @type {Bytes[]} */
    const buffers = [];
    /** @type {{piece: number, bytes: Bytes, offset: number}[]} */
    const parts = [];
    let sharedBytes = 0;
    for (const { piece, bytes } of this.#placed) {
      if (isCrowded && bytes.byteLength <= MAX_SHARED_BYTES) {
        const offset = Math.ceil(sharedBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
        parts.push({ piece, bytes, offset });
        sharedBytes = offset + bytes.byteLength;
      } else {
        this.pieces[piece] = String(buffers.length);
        buffers.push(bytes);
      }
    }
    if (!isCrowded) return buffers;
    const shared = new Uint8Array(sharedBytes);
    for (const { piece, bytes, offset } of parts) {
      shared.set(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes), offset);
      this.pieces[piece] = `[${buffers.length},${offset},${bytes.byteLength}]`;
    }
    return [...buffers, shared];
  }
}

/** @param {number} value */
function numberText(value) {
  if (Number.isNaN(value)) return '{"$num":"nan"}';
  if (!Number.isFinite(value)) return value > 0 ? '{"$num":"inf"}' : '{"$num":"-inf"}';
  if (Object.is(value, -0)) return "-0.0";
  return looksLarge(value) ? value.toExponential() : JSON.stringify(value);
}

/**
 * @param {bigint} value
 * @param {string[]} path
 */
function bigIntDigits(value, path) {
  const digits = value.toString();
  if (digits.replace("-", "").length > MAX_INT_DIGITS) {
    throw new CodecError(`${where(path)}a BigInt of more than ${MAX_INT_DIGITS} digits`);
  }
  return digits;
}

/** @param {string[]} path */
function where(path) {
  return path.length === 0 ? "" : `${path.join(", ")}: `;
}

/**
 * @param {string} type
 * @param {string[]} path
 */
function unsupported(type, path) {
  return new CodecError(`${where(path)}a value of type ${type} cannot be sent`);
}

/**
 * Return whether JSON would write the number as an integer with digits that it does not have:
 * where integers are exact, another one would arrive.
 * @param {number} value
 */
function looksLarge(value) {
  const size = Math.abs(value);
  return size > Number.MAX_SAFE_INTEGER && size < 1e21;
}
