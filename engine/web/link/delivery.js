/**
 * Exactly once and in order, over roads that break and are replaced.
 *
 * Each end of a session numbers its frames (header key `n`: 1, 2, 3, …) and keeps them until the
 * other end acknowledges them (a frame of kind "ack", itself without a number; `n`: the last one
 * that came). Over a new road everything unacknowledged goes again; what comes twice is dropped.
 *
 * `imjoy_wire.delivery` is the same in Python, and both are held to `tests/vectors/delivery.json`.
 */

import { payloadBytes } from "./frames.js";
import { FrameError } from "./stream_frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

export const ACK = "ack";
const ACK_EVERY_FRAMES = 64;
const ACK_EVERY_BYTES = 2 ** 20;
const WINDOW_BYTES = 16 * 2 ** 20;
const WINDOW_FRAMES = 4096;

/**
 * Return what an ack acknowledges.
 * @param {Frame} frame
 * @returns {number}
 * @throws {FrameError}
 */
export function ackNumber({ header }) {
  const { n } = header;
  if (!Number.isSafeInteger(n) || Number(n) < 0) throw new FrameError("an ack without a number");
  return Number(n);
}

/** What was sent on one session and may have to be sent again. */
export class Sent {
  constructor() {
    this.last = 0;
    this.keptBytes = 0;
    /** @type {{number: number, bytes: number, frame: Frame}[]} */
    this.kept = [];
  }

  /** Whether another frame may be sent before an ack comes. */
  get hasRoom() {
    return this.keptBytes < WINDOW_BYTES && this.kept.length < WINDOW_FRAMES;
  }

  /**
   * Return the frame with its number; it is kept until it is acknowledged.
   * @param {Frame} frame
   * @returns {Frame}
   */
  number(frame) {
    const number = ++this.last;
    const numbered = { ...frame, header: { ...frame.header, n: number } };
    const bytes = payloadBytes(frame);
    this.kept.push({ number, bytes, frame: numbered });
    this.keptBytes += bytes;
    return numbered;
  }

  /**
   * Forget everything up to `number`.
   * @param {number} number
   * @throws {FrameError} for one that was never sent
   */
  acknowledged(number) {
    if (number > this.last) {
      throw new FrameError(`an ack of frame ${number}; only ${this.last} were sent`);
    }
    let count = 0;
    while (count < this.kept.length && this.kept[count].number <= number) {
      this.keptBytes -= this.kept[count].bytes;
      count += 1;
    }
    this.kept.splice(0, count);
  }

  /** Return, in order, what must be sent again over a new road. */
  unacknowledged() {
    return this.kept.map(({ frame }) => frame);
  }
}

/** What has come on one session. */
export class Incoming {
  constructor() {
    this.last = 0;
    this.unsaidFrames = 0;
    this.unsaidBytes = 0;
  }

  /** Whether something has come since the last ack. */
  get owesAck() {
    return this.unsaidFrames > 0;
  }

  /** Whether so much has come that the sender should hear of it now. */
  get shouldAck() {
    return this.unsaidFrames >= ACK_EVERY_FRAMES || this.unsaidBytes >= ACK_EVERY_BYTES;
  }

  /**
   * Return the frame without its number, or null when it has come before.
   * @param {Frame} frame
   * @returns {Frame | null}
   * @throws {FrameError} for one without a number, or when one before it is missing
   */
  take(frame) {
    const { n, ...header } = frame.header;
    if (typeof n !== "number" || !Number.isSafeInteger(n)) {
      throw new FrameError("a frame without its number");
    }
    if (n > this.last + 1) throw new FrameError(`frame ${n} came after frame ${this.last}`);
    this.unsaidFrames += 1;
    if (n <= this.last) return null;
    this.last = n;
    this.unsaidBytes += payloadBytes(frame);
    return { ...frame, header: /** @type {Frame["header"]} */ (header) };
  }

  /** Return the ack of everything that has come; nothing is owed then. @returns {Frame} */
  ack() {
    this.unsaidFrames = this.unsaidBytes = 0;
    return { header: { to: "", from: "", kind: ACK, n: this.last }, body: "", buffers: [] };
  }
}
