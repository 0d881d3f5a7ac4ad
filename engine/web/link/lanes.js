/**
 * What waits to be sent: one lane for each pair of peers, served in turn.
 *
 * Inside a lane order is kept. Between lanes nobody waits for a big message of another: a lane gives
 * one frame at a time, and a big message one chunk. A lane has a window: how many bytes of chunks
 * may be under way until the engine says, by a frame of kind "grant", that it has passed them on.
 *
 * `imjoy_wire.lanes` is the same in Python, and both are held to `tests/vectors/lanes.json`.
 */

import { CHUNK, CUT_BYTES, cut } from "./chunks.js";
import { payloadBytes } from "./frames.js";
import { FrameError } from "./stream_frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

/**
 * @typedef {object} Lane
 * @property {string} key
 * @property {string[]} ends
 * @property {Frame[]} frames
 * @property {Iterator<Frame, void> | null} pieces of the first frame, when it is big
 * @property {Frame | null} nextPiece
 */

export const GRANT = "grant";
/** What a frame counts beside its payload, so that a flood of tiny ones is bounded too. */
export const FRAME_OVERHEAD_BYTES = 512;
const WINDOW_BYTES = 4 * 2 ** 20;

/**
 * Return what a grant says.
 * @param {Frame} frame
 * @returns {{from: string, to: string, bytes: number}}
 * @throws {FrameError}
 */
export function granted({ header }) {
  const { lane, bytes } = header;
  const [from, to] = Array.isArray(lane) && lane.length === 2 ? lane : [];
  const isWhole = typeof from === "string" && typeof to === "string";
  if (!isWhole || !Number.isSafeInteger(bytes) || Number(bytes) < 0) {
    throw new FrameError("a grant without its lane or its bytes");
  }
  return { from, to, bytes: Number(bytes) };
}

export class Lanes {
  /** @param {number} [windowBytes] */
  constructor(windowBytes = WINDOW_BYTES) {
    this.windowBytes = windowBytes;
    this.waitingBytes = 0;
    this.lastCut = 0;
    /** @type {Map<string, Lane>} */
    this.lanes = new Map();
    /** @type {Lane[]} those that have something to give */
    this.turns = [];
    /** @type {Set<Lane>} those whose window is full */
    this.held = new Set();
    /** @type {Map<string, number>} bytes of chunks that are not granted, by lane */
    this.underWay = new Map();
  }

  /**
   * Queue a frame behind the others of its pair of peers.
   * @param {Frame} frame
   */
  put(frame) {
    const ends = [frame.header.from, frame.header.to];
    const key = JSON.stringify(ends);
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      lane = { key, ends, frames: [], pieces: null, nextPiece: null };
      this.lanes.set(key, lane);
      this.turns.push(lane);
    }
    lane.frames.push(frame);
    this.waitingBytes += weight(frame);
  }

  /** Return the next frame to send; null when nothing waits, or all that waits is held. */
  take() {
    for (let lane = this.turns.shift(); lane !== undefined; lane = this.turns.shift()) {
      const frame = this.peek(lane);
      if (frame.header.kind !== CHUNK || this.admit(lane.key, payloadBytes(frame))) {
        this.advance(lane);
        return frame;
      }
      this.held.add(lane);
    }
    return null;
  }

  /**
   * Count bytes of chunks as passed on by the engine.
   * @param {{from: string, to: string, bytes: number}} grant
   */
  grant({ from, to, bytes }) {
    const key = JSON.stringify([from, to]);
    const left = (this.underWay.get(key) ?? 0) - bytes;
    if (left > 0) this.underWay.set(key, left);
    else this.underWay.delete(key);
    const lane = this.lanes.get(key);
    if (lane !== undefined && this.held.delete(lane)) this.turns.push(lane);
  }

  /**
   * Forget what waits to or from a peer that is gone.
   * @param {string} peer
   */
  drop(peer) {
    for (const lane of [...this.lanes.values()]) {
      if (!lane.ends.includes(peer)) continue;
      for (const frame of lane.frames) this.waitingBytes -= weight(frame);
      this.lanes.delete(lane.key);
      this.held.delete(lane);
      this.turns = this.turns.filter((each) => each !== lane);
    }
    for (const key of [...this.underWay.keys()]) {
      if (JSON.parse(key).includes(peer)) this.underWay.delete(key);
    }
  }

  /**
   * Return what the lane gives next, which stays there.
   * @param {Lane} lane
   * @returns {Frame}
   */
  peek(lane) {
    if (lane.nextPiece !== null) return lane.nextPiece;
    const [frame] = lane.frames;
    if (payloadBytes(frame) <= CUT_BYTES) return frame;
    lane.pieces = cut(frame, ++this.lastCut);
    lane.nextPiece = lane.pieces.next().value ?? null;
    return lane.nextPiece ?? frame;
  }

  /**
   * Take out what was given; the lane goes to the end of the line, or away when it is empty.
   * @param {Lane} lane
   */
  advance(lane) {
    lane.nextPiece = lane.pieces?.next().value ?? null;
    if (lane.nextPiece === null) {
      lane.pieces = null;
      const [frame] = lane.frames.splice(0, 1);
      this.waitingBytes -= weight(frame);
    }
    if (lane.frames.length > 0) this.turns.push(lane);
    else this.lanes.delete(lane.key);
  }

  /**
   * @param {string} key
   * @param {number} bytes
   */
  admit(key, bytes) {
    const underWay = this.underWay.get(key) ?? 0;
    if (underWay > 0 && underWay + bytes > this.windowBytes) return false;
    this.underWay.set(key, underWay + bytes);
    return true;
  }
}

/** @param {Frame} frame */
function weight(frame) {
  return payloadBytes(frame) + FRAME_OVERHEAD_BYTES;
}
