/**
 * Big messages in pieces, so that small ones pass between them.
 *
 * A frame with a payload of more than `CUT_BYTES` travels as an announcement (its own route and
 * kind, no payload, header key `cut: {id, sizes}`) and chunks (the same route, kind "chunk", header
 * key `cut: id`), whose buffers are the next bytes of body and buffers. What was sent after it
 * between the same two peers waits until it is whole.
 *
 * `imjoy_wire.chunks` is the same in Python, and both are held to `tests/vectors/chunks.json`.
 */

import { isRecord } from "./errors.js";
import { bytesOf } from "./frames.js";
import { FrameError, MAX_BUFFERS, MAX_FRAME_BYTES } from "./stream_frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

export const CHUNK = "chunk";
export const CHUNK_BYTES = 512 * 1024;
export const CUT_BYTES = 2 ** 20;
/** Cut messages that one sender may have under way to one receiver at once. */
const MAX_UNFINISHED = 64;
const encoder = new TextEncoder();

/**
 * Yield the announcement, then the chunks; nothing is copied.
 * @param {Frame} frame
 * @param {number} id
 * @returns {Generator<Frame, void>}
 */
export function* cut({ header, body, buffers }, id) {
  const text = typeof body === "string" ? encoder.encode(body) : body;
  const parts = [text, ...buffers].map(bytesOf);
  const sizes = parts.map((part) => part.byteLength);
  yield { header: { ...header, cut: { id, sizes } }, body: "", buffers: [] };
  const mark = { to: header.to, from: header.from, kind: CHUNK, cut: id };
  for (const piece of pieces(parts)) yield { header: mark, body: "", buffers: piece };
}

/**
 * Yield the parts' bytes in groups of views, all of about `CHUNK_BYTES`: a chunk for the last few
 * bytes would cost as much as any.
 * @param {Uint8Array[]} parts
 * @returns {Generator<Uint8Array[], void>}
 */
function* pieces(parts) {
  /** @type {Uint8Array[]} */
  let group = [];
  const total = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const size = Math.ceil(total / Math.max(1, Math.round(total / CHUNK_BYTES)));
  let room = size;
  for (const part of parts) {
    for (let at = 0; at < part.byteLength; ) {
      const taken = part.subarray(at, at + room);
      group.push(taken);
      at += taken.byteLength;
      room -= taken.byteLength;
      if (room > 0) continue;
      yield group;
      group = [];
      room = size;
    }
  }
  if (group.length > 0) yield group;
}

/** One cut message of which more is to come. */
class Unfinished {
  /**
   * @param {Frame} frame its announcement
   * @param {number[]} sizes
   */
  constructor(frame, sizes) {
    this.frame = frame;
    this.sizes = sizes;
    this.missing = sizes.reduce((sum, size) => sum + size, 0);
    /** @type {Uint8Array[]} */
    this.parts = [];
    this.filled = 0;
  }

  /** @param {Frame["buffers"]} buffers */
  take(buffers) {
    for (const buffer of buffers) {
      let rest = bytesOf(buffer);
      if (rest.byteLength > this.missing) {
        throw new FrameError("a chunk brings more than its message announced");
      }
      this.missing -= rest.byteLength;
      while (rest.byteLength > 0) {
        const part = this.open();
        const taken = rest.subarray(0, part.byteLength - this.filled);
        part.set(taken, this.filled);
        this.filled += taken.byteLength;
        rest = rest.subarray(taken.byteLength);
      }
    }
  }

  /** Return the part that the next byte belongs to; memory is taken when its first one comes. */
  open() {
    while (this.parts.length === 0 || this.filled === this.sizes[this.parts.length - 1]) {
      this.parts.push(allocate(this.sizes[this.parts.length]));
      this.filled = 0;
    }
    return this.parts[this.parts.length - 1];
  }

  /** @returns {Frame} */
  whole() {
    while (this.parts.length < this.sizes.length) this.parts.push(new Uint8Array(0));
    const { cut: _, ...header } = this.frame.header;
    const [body, ...buffers] = this.parts;
    return { header: /** @type {Frame["header"]} */ (header), body, buffers };
  }
}

/** @param {number} size */
function allocate(size) {
  try {
    return new Uint8Array(size);
  } catch (error) {
    throw new FrameError(`this browser has no room for ${size} bytes in one piece`, { cause: error });
  }
}

/**
 * What one sender has sent to one receiver and is not handed out yet, in its order.
 * @typedef {{from: string, waiting: (Frame | Unfinished)[], unfinished: Map<number, Unfinished>}} Pair
 */

/** Turns what arrives on one session into whole frames, each sender's in its order. */
export class Assembler {
  /** @param {number} [maxMessageBytes] under way between two peers */
  constructor(maxMessageBytes = MAX_FRAME_BYTES) {
    this.maxMessageBytes = maxMessageBytes;
    /** @type {Map<string, Pair>} */
    this.pairs = new Map();
  }

  /**
   * Return the frames that this one makes whole.
   * @param {Frame} frame
   * @returns {Frame[]}
   * @throws {FrameError} then what this sender has under way must be forgotten
   */
  feed(frame) {
    const { to, from, kind, cut: mark = null } = frame.header;
    const key = JSON.stringify([from, to]);
    const pair = this.pairs.get(key);
    if (mark === null) {
      if (kind === CHUNK) throw new FrameError("a chunk that names no message");
      if (pair === undefined) return [frame];
      pair.waiting.push(frame);
      return [];
    }
    if (kind !== CHUNK) return this.announce(key, frame, mark);
    const message = typeof mark === "number" ? pair?.unfinished.get(mark) : undefined;
    if (pair === undefined || message === undefined) {
      throw new FrameError("a chunk of a message that was not announced");
    }
    message.take(frame.buffers);
    if (message.missing > 0) return [];
    pair.unfinished.delete(Number(mark));
    return this.handOut(key, pair);
  }

  /**
   * Drop what a sender has left unfinished.
   * @param {string} sender
   */
  forget(sender) {
    for (const [key, { from }] of this.pairs) if (from === sender) this.pairs.delete(key);
  }

  /**
   * @param {string} key
   * @param {Frame} frame
   * @param {unknown} mark
   */
  announce(key, frame, mark) {
    const { id, sizes } = checked(mark);
    const pair = this.pairs.get(key) ?? newPair(frame.header.from);
    if (pair.unfinished.has(id) || pair.unfinished.size >= MAX_UNFINISHED) {
      throw new FrameError("a cut message is announced twice, or too many are under way");
    }
    const message = new Unfinished(frame, sizes);
    const underWay = [...pair.unfinished.values()].reduce((sum, { missing }) => sum + missing, 0);
    if (underWay + message.missing > this.maxMessageBytes) {
      throw new FrameError(`a message of ${message.missing} bytes; ${this.maxMessageBytes} are allowed`);
    }
    this.pairs.set(key, pair);
    pair.waiting.push(message);
    if (message.missing === 0) return this.handOut(key, pair);
    pair.unfinished.set(id, message);
    return [];
  }

  /**
   * Take out what nothing unfinished stands before.
   * @param {string} key
   * @param {Pair} pair
   */
  handOut(key, pair) {
    /** @type {Frame[]} */
    const frames = [];
    for (const each of pair.waiting) {
      if (each instanceof Unfinished && each.missing > 0) break;
      frames.push(each instanceof Unfinished ? each.whole() : each);
    }
    pair.waiting.splice(0, frames.length);
    if (pair.waiting.length === 0) this.pairs.delete(key);
    return frames;
  }
}

/**
 * @param {string} from
 * @returns {Pair}
 */
function newPair(from) {
  return { from, waiting: [], unfinished: new Map() };
}

/**
 * @param {unknown} mark
 * @returns {{id: number, sizes: number[]}}
 */
function checked(mark) {
  const { id, sizes } = isRecord(mark) ? mark : {};
  if (!Number.isSafeInteger(id) || !Array.isArray(sizes) || sizes.length === 0) {
    throw new FrameError("a cut message is announced without its id or its sizes");
  }
  if (sizes.length > MAX_BUFFERS + 1) throw new FrameError(`more than ${MAX_BUFFERS} buffers`);
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new FrameError("a size is not a number of bytes");
  }
  return { id: Number(id), sizes };
}
