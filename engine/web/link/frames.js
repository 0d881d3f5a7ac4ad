/** Frames as the arguments of a Socket.IO event: header, body, buffers. */

import { pack, unpack } from "./codec.js";
import { isRecord } from "./errors.js";

/** @typedef {{to: string, from: string, kind: string}} Header */

const MAX_TEXT_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/**
 * Return the event's arguments, and how many bytes body and buffers have. A small body without
 * buffers goes as text: one packet, and cheap at both ends.
 * @param {Header} header
 * @param {object} message
 * @returns {{args: unknown[], bytes: number}}
 */
export function toEvent(header, message) {
  const { body, buffers } = pack(message);
  if (buffers.length === 0 && body.length * 3 <= MAX_TEXT_BYTES) {
    return { args: [header, body], bytes: body.length * 3 };
  }
  const binary = encoder.encode(body);
  if (buffers.length === 0 && binary.byteLength <= MAX_TEXT_BYTES) {
    return { args: [header, body], bytes: binary.byteLength };
  }
  const bytes = buffers.reduce((sum, buffer) => sum + buffer.byteLength, binary.byteLength);
  return { args: [header, binary, ...buffers], bytes };
}

/**
 * Return the frame, or null where the arguments are none.
 * @param {unknown} header
 * @param {unknown} body
 * @param {unknown[]} buffers
 * @returns {{header: Header, message: any} | null}
 */
export function fromEvent(header, body, buffers) {
  if (!isRecord(header)) return null;
  const { to, from, kind } = header;
  if (typeof to !== "string" || typeof from !== "string" || typeof kind !== "string") return null;
  if (typeof body !== "string" && !isBinary(body)) return null;
  if (!buffers.every(isBinary)) return null;
  try {
    return { header: { to, from, kind }, message: unpack(body, buffers) };
  } catch (error) {
    console.error(error);
    return null;
  }
}

/**
 * @param {unknown} data
 * @returns {data is ArrayBuffer | ArrayBufferView}
 */
function isBinary(data) {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}
