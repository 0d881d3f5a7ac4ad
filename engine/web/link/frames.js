/**
 * A frame in memory, and as the arguments of a Socket.IO event: header, body, buffers. As bytes:
 * `stream_frames.js`.
 */

import { pack, unpack } from "./codec.js";
import { LinkError, isRecord } from "./errors.js";
import { MAX_BUFFERS } from "./stream_frames.js";

/** @typedef {import("./stream_frames.js").Header} Header */

/**
 * @typedef {object} Frame
 * @property {Header} header
 * @property {string | Uint8Array} body a string where it is short and has no buffers beside it
 * @property {readonly (ArrayBuffer | Uint8Array)[]} buffers
 */

const MAX_TEXT_BYTES = 64 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Return the frame that carries a message. Its buffers are not copied: they must stay as they are
 * until they have arrived. A small body without buffers is text: cheap at both ends of Socket.IO.
 * @param {Header} header
 * @param {object} message
 * @returns {Frame}
 * @throws {import("./codec.js").CodecError} for a value that has no form
 */
export function toFrame(header, message) {
  const { body, buffers } = pack(message);
  if (buffers.length === 0 && body.length * 3 <= MAX_TEXT_BYTES) return { header, body, buffers };
  const binary = encoder.encode(body);
  const isText = buffers.length === 0 && binary.byteLength <= MAX_TEXT_BYTES;
  return { header, body: isText ? body : binary, buffers };
}

/**
 * Return the bytes of body and buffers; a text counts by its characters.
 * @param {Frame} frame
 * @returns {number}
 */
export function payloadBytes({ body, buffers }) {
  const own = typeof body === "string" ? body.length : body.byteLength;
  return buffers.reduce((sum, buffer) => sum + buffer.byteLength, own);
}

/**
 * Return the frame's payload in bytes; LinkError when it is more than the engine takes.
 * @param {Frame} frame
 * @param {number} limit
 * @returns {number}
 */
export function checkedSize(frame, limit) {
  const bytes = payloadBytes(frame);
  if (bytes > limit) {
    const [size, most] = [bytes, limit].map((count) => count.toLocaleString("en"));
    const sentence = `The message has ${size} bytes; the engine takes ${most}.`;
    throw new LinkError(sentence, { code: "too-large", hint: "Send the data in pieces." });
  }
  const { length } = frame.buffers;
  if (length > MAX_BUFFERS) {
    const sentence = `The message has ${length} large buffers; ${MAX_BUFFERS} are allowed.`;
    throw new LinkError(sentence, { code: "too-large", hint: "Join them into one." });
  }
  return bytes;
}

/**
 * @param {Frame} frame
 * @returns {unknown[]}
 */
export function toEvent({ header, body, buffers }) {
  return [header, body, ...buffers];
}

/**
 * Return the frame, or null where the arguments are none.
 * @param {unknown} header
 * @param {unknown} body
 * @param {unknown[]} buffers
 * @returns {Frame | null}
 */
export function fromEvent(header, body, buffers) {
  if (!isRecord(header)) return null;
  const { to, from, kind } = header;
  if (typeof to !== "string" || typeof from !== "string" || typeof kind !== "string") return null;
  if (typeof body !== "string" && !isBinary(body)) return null;
  if (!buffers.every(isBinary)) return null;
  return {
    header: { ...header, to, from, kind },
    body: typeof body === "string" ? body : bytesOf(body),
    buffers: buffers.map(bytesOf),
  };
}

/**
 * Return what the frame says: a peer's message, or plain JSON of the engine's own.
 * @param {Frame} frame
 * @returns {any}
 * @throws {Error} for a body that is neither
 */
export function messageOf({ header, body, buffers }) {
  if (header.kind === "rpc" || header.kind === "run") return unpack(body, buffers);
  return JSON.parse(typeof body === "string" ? body : decoder.decode(body));
}

/**
 * @param {unknown} data
 * @returns {data is ArrayBuffer | ArrayBufferView}
 */
function isBinary(data) {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}

/**
 * Return the bytes of a buffer or a view, not copied.
 * @param {ArrayBuffer | ArrayBufferView} data
 * @returns {Uint8Array}
 */
export function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
