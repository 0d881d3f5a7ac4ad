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

import { Reader } from "./codec_reader.js";
import { CodecError, MAX_BODY_BYTES, MAX_CONTAINERS, MAX_DEPTH } from "./codec_rules.js";
import { Writer, isPlainJson } from "./codec_writer.js";

export * from "./codec_rules.js";

/** @typedef {import("./codec_writer.js").Bytes} Bytes */

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Return the body and the buffers of a message. Buffers are not copied, unless many small ones share
 * one; a view stands for its own bytes. Members that are undefined are left out.
 * @param {unknown} message
 * @returns {{body: string, buffers: Bytes[]}}
 * @throws {CodecError} for a value that has no form; it names the way to it
 */
export function pack(message) {
  const packed = packAny(message);
  if (packed.body.length > MAX_BODY_BYTES) {
    throw new CodecError(
      `a message of ${packed.body.length} characters beside its buffers; ${MAX_BODY_BYTES} are ` +
        "allowed: send large data as bytes or as typed arrays",
    );
  }
  return packed;
}

/** @param {unknown} message */
function packAny(message) {
  if (isPlainJson(message, MAX_DEPTH)) return { body: JSON.stringify(message), buffers: [] };
  const writer = new Writer();
  writer.write(message, [], MAX_DEPTH);
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
