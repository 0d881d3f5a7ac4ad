/**
 * A frame's body: a message as JSON text and the buffers that it refers to.
 *
 * What JSON cannot say is written as an object with one key:
 *
 *     {"$buf": i}                        bytes: number i of the frame's buffers
 *     {"$buf": [i, offset, size]}        bytes: a part of it, where many small ones share a buffer
 *     {"$num": "nan" | "inf" | "-inf"}   a number that JSON has no word for; -0 is -0.0
 *     {"$int": "digits"}                 BigInt; from Python an integer beyond ±(2⁵³ − 1)
 *     {"$map": [[key, value], ...]}      Map; from Python a dict with a key that is not a string
 *     {"$obj": [[key, value], ...]}      an object with a key that starts with "$"
 *
 * `imjoy_wire.codec` is the same in Python, and both are held to the golden vectors in
 * `tests/vectors/`. Here as there no text is ever evaluated.
 */

/** @typedef {ArrayBuffer | Uint8Array} Bytes */

export const MAX_BODY_BYTES = 64 * 1024 * 1024;
export const MAX_CONTAINERS = 8 * 1024 * 1024;
export const MAX_DEPTH = 100;
export const MAX_INT_DIGITS = 4300;
/** A body with more buffers than this has its small ones share one. */
export const MAX_LOOSE_BUFFERS = 256;
/** The largest of those that share. */
export const MAX_SHARED_BYTES = 16 * 1024;

const ALIGNMENT_BYTES = 8;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Says why a message has no body, or a body is no message. */
export class CodecError extends Error {
  /** @override */
  name = "CodecError";
}

/**
 * Return the body and the buffers of a message. Buffers are not copied, unless many small ones share
 * one; a view stands for its own bytes. Members that are undefined are left out.
 * @param {unknown} message
 * @returns {{body: string, buffers: Bytes[]}}
 * @throws {CodecError} for a value that has no form; it names the way to it
 */
export function pack(message) {
  if (isPlainJson(message, MAX_DEPTH)) return { body: JSON.stringify(message), buffers: [] };
  const writer = new Writer();
  writer.write(message ?? null, [], MAX_DEPTH);
  const buffers = writer.settleBuffers();
  return { body: writer.pieces.join(""), buffers };
}

/**
 * Return the message of a body; its bytes are ArrayBuffers.
 * @param {string | ArrayBuffer | ArrayBufferView} body
 * @param {readonly (ArrayBuffer | ArrayBufferView)[]} [buffers]
 * @returns {any}
 * @throws {CodecError} and nothing else, whatever the body
 */
export function unpack(body, buffers = []) {
  const text = typeof body === "string" ? body : decodeText(body);
  if (text.length > MAX_BODY_BYTES) {
    throw new CodecError(`a body over the limit of ${MAX_BODY_BYTES} bytes`);
  }
  const isLong = text.length > MAX_CONTAINERS;
  const isDeep = countsMore(text, isLong ? MAX_CONTAINERS : MAX_DEPTH);
  if (isLong && isDeep) {
    throw new CodecError(`more than ${MAX_CONTAINERS} objects and arrays in one body`);
  }
  const tree = parse(text);
  const isTagged = text.includes('"$') || text.includes("\\u0024");
  if (!isTagged && !isDeep && !isLong) return tree;
  return new Reader(buffers).read(tree, MAX_DEPTH);
}

/** @param {ArrayBuffer | ArrayBufferView} body */
function decodeText(body) {
  if (body.byteLength > MAX_BODY_BYTES) {
    throw new CodecError(`a body over the limit of ${MAX_BODY_BYTES} bytes`);
  }
  try {
    return utf8.decode(body);
  } catch (error) {
    throw new CodecError("the body is not UTF-8", { cause: error });
  }
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CodecError("the body is not JSON", { cause: error });
  }
}

/**
 * Tell whether the text has more than so many brackets and braces that open.
 * @param {string} text
 * @param {number} limit
 */
function countsMore(text, limit) {
  let count = 0;
  for (const opening of "[{") {
    for (let at = text.indexOf(opening); at >= 0; at = text.indexOf(opening, at + 1)) {
      count += 1;
      if (count > limit) return true;
    }
  }
  return false;
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
function isPlainJson(value, levels) {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
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
class Writer {
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
  return Object.is(value, -0) ? "-0.0" : JSON.stringify(value);
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

/** Reads what a parsed body stands for. Arrays and objects are changed in place. */
class Reader {
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
