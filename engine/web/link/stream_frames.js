/**
 * Frames as bytes, for a link that carries binary messages: one message, one frame.
 *
 *     "IJ", version 1, 0 · header length (4 bytes, big-endian) · header (JSON) · body · buffers
 *
 * `imjoy_wire.frames` is the same in Python, and both are held to the golden vectors in
 * `tests/vectors/`. As the event of a Socket.IO link: `frames.js`.
 */

/**
 * @typedef {{to: string, from: string, kind: string, [key: string]: unknown}} Header unknown keys
 *   are passed on; `sizes` is this module's own
 */

export const MAX_HEADER_BYTES = 64 * 1024;
export const MAX_FRAME_BYTES = 2 * 1024 ** 3;
export const MAX_BUFFERS = 4096;
export const MAX_NAME_CHARS = 256;
/** Objects and arrays in a header. */
export const MAX_HEADER_CONTAINERS = 64;

const PREFIX = [0x49, 0x4a, 1, 0];
const PREFIX_BYTES = 8;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Says why a message is no frame, or why a frame cannot be sent. */
export class FrameError extends Error {
  name = "FrameError";
}

/**
 * Return the bytes of a frame.
 * @param {Header} header
 * @param {string | Uint8Array} body
 * @param {readonly (ArrayBuffer | Uint8Array)[]} buffers
 * @returns {Uint8Array<ArrayBuffer>}
 * @throws {FrameError} when it exceeds a limit of the format
 */
export function encodeFrame(header, body, buffers) {
  if (buffers.length > MAX_BUFFERS) throw new FrameError(`more than ${MAX_BUFFERS} buffers`);
  const parts = [typeof body === "string" ? encoder.encode(body) : body, ...buffers];
  const { to, from, kind, sizes: _, ...extra } = header;
  const sizes = parts.map((part) => part.byteLength);
  const head = encoder.encode(JSON.stringify({ to, from, kind, sizes, ...extra }));
  if (head.byteLength > MAX_HEADER_BYTES) {
    throw new FrameError(`a header over the limit of ${MAX_HEADER_BYTES} bytes`);
  }
  const start = PREFIX_BYTES + head.byteLength;
  const frame = new Uint8Array(sizes.reduce((sum, size) => sum + size, start));
  frame.set(PREFIX);
  new DataView(frame.buffer).setUint32(4, head.byteLength);
  frame.set(head, PREFIX_BYTES);
  let at = start;
  for (const part of parts) {
    frame.set(part instanceof ArrayBuffer ? new Uint8Array(part) : part, at);
    at += part.byteLength;
  }
  return frame;
}

/**
 * @typedef {object} DecodedFrame
 * @property {Header} header
 * @property {Uint8Array} body
 * @property {Uint8Array[]} buffers
 */

/**
 * Return the frame that a message is; body and buffers are views of it, not copies.
 * @param {ArrayBuffer} message
 * @returns {DecodedFrame}
 * @throws {FrameError} and nothing else, whatever the message
 */
export function decodeFrame(message) {
  const [frame, end] = frameAt(message, 0);
  if (end !== message.byteLength) {
    throw new FrameError(`a frame of ${end} bytes in a message of ${message.byteLength}`);
  }
  return frame;
}

/**
 * Return the frames, one or more, that fill a message one behind the other; views of it.
 * @param {ArrayBuffer} message
 * @returns {DecodedFrame[]}
 * @throws {FrameError} and nothing else, whatever the message
 */
export function decodeFrames(message) {
  let [frame, end] = frameAt(message, 0);
  const frames = [frame];
  while (end < message.byteLength) {
    [frame, end] = frameAt(message, end);
    frames.push(frame);
  }
  return frames;
}

/**
 * Return the frame that begins at a place of a message, and where it ends.
 * @param {ArrayBuffer} message
 * @param {number} place
 * @returns {[DecodedFrame, number]}
 */
function frameAt(message, place) {
  const head = place + PREFIX_BYTES;
  const start = headerEnd(message, place);
  const header = parseHeader(new Uint8Array(message, head, start - head));
  const { sizes, ...route } = header;
  checkRoute(route);
  checkSizes(sizes);
  const end = sizes.reduce((sum, size) => sum + size, start);
  if (end > message.byteLength) {
    throw new FrameError(`a frame of ${end - place} bytes, ${message.byteLength - place} are there`);
  }
  let at = start;
  const [body, ...buffers] = sizes.map((size) => {
    at += size;
    return new Uint8Array(message, at - size, size);
  });
  return [{ header: route, body, buffers }, end];
}

/**
 * Return where the header of the frame at a place ends.
 * @param {ArrayBuffer} message
 * @param {number} place
 */
function headerEnd(message, place) {
  const head = place + PREFIX_BYTES;
  if (message.byteLength < head) throw new FrameError("a frame cut off in its first bytes");
  const view = new DataView(message, place);
  if (view.getUint16(0) !== 0x494a) throw new FrameError("not a frame: it does not start with IJ");
  if (view.getUint16(2) !== 0x0100) throw new FrameError("a frame of another version than 1.0");
  const length = view.getUint32(4);
  if (length > MAX_HEADER_BYTES) {
    throw new FrameError(`a header over the limit of ${MAX_HEADER_BYTES} bytes`);
  }
  if (message.byteLength < head + length) throw new FrameError("a frame cut off in its header");
  return head + length;
}

/**
 * @param {Uint8Array} bytes
 * @returns {Record<string, unknown>}
 */
function parseHeader(bytes) {
  let header;
  try {
    const text = utf8.decode(bytes);
    if (text.replace(/[^[{]/g, "").length > MAX_HEADER_CONTAINERS) {
      throw new FrameError(`a header of more than ${MAX_HEADER_CONTAINERS} objects and arrays`);
    }
    header = JSON.parse(text);
  } catch (error) {
    if (error instanceof FrameError) throw error;
    throw new FrameError("the header is not JSON", { cause: error });
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new FrameError("the header is not a JSON object");
  }
  return header;
}

/**
 * @param {Record<string, unknown>} header
 * @returns {asserts header is Header}
 */
function checkRoute(header) {
  for (const name of [header.to, header.from, header.kind]) {
    if (typeof name !== "string") {
      throw new FrameError("`to`, `from` or `kind` is missing from the header");
    }
    if ([...name].length > MAX_NAME_CHARS) {
      throw new FrameError("`to`, `from` or `kind` is too long");
    }
  }
}

/**
 * @param {unknown} sizes
 * @returns {asserts sizes is number[]}
 */
function checkSizes(sizes) {
  if (!Array.isArray(sizes) || sizes.length === 0) throw new FrameError("the header has no sizes");
  if (sizes.length - 1 > MAX_BUFFERS) throw new FrameError(`more than ${MAX_BUFFERS} buffers`);
  let total = 0;
  for (const size of sizes) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new FrameError("a size is not a natural number");
    }
    total += size;
  }
  if (total > MAX_FRAME_BYTES) {
    throw new FrameError(`a frame over the limit of ${MAX_FRAME_BYTES} bytes`);
  }
}
