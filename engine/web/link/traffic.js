/**
 * The frames of one session, over whichever road there is: each arrives once and in its order,
 * big ones in chunks, whatever breaks between.
 */

import { Assembler } from "./chunks.js";
import { ACK, Incoming, Sent, ackNumber } from "./delivery.js";
import { GRANT, Lanes, granted } from "./lanes.js";
import { FrameError } from "./stream_frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

/**
 * A way to the engine. It takes frames while it has room; when it has room again, it says so by
 * `flush`.
 * @typedef {object} Road
 * @property {(frame: Frame) => void} send
 * @property {(unacknowledgedBytes: number) => boolean} hasRoom
 */

const ACK_DELAY_MS = 50;

export class Traffic {
  lanes = new Lanes();
  sent = new Sent();
  incoming = new Incoming();
  assembler = new Assembler();
  ackIsDue = false;
  /** @type {Frame[]} what goes once more, the last one first */
  again = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  ackTimer = undefined;

  /** @param {(frame: Frame) => void} onFrame gets what arrives, whole */
  constructor(onFrame) {
    this.onFrame = onFrame;
    /** @type {Road | null} */
    this.road = null;
  }

  /** Forget everything: a new session counts from the start. */
  begin() {
    clearTimeout(this.ackTimer);
    this.ackTimer = undefined;
    this.ackIsDue = false;
    this.lanes = new Lanes();
    this.sent = new Sent();
    this.incoming = new Incoming();
    this.assembler = new Assembler();
    this.again = [];
  }

  /** Bytes that wait for their first departure. */
  get waitingBytes() {
    return this.lanes.waitingBytes;
  }

  /**
   * Send from now on over that road, first what the engine has not acknowledged; null: keep it all.
   * @param {Road | null} road
   */
  travelBy(road) {
    this.road = road;
    this.again = this.sent.unacknowledged().reverse();
    this.ackIsDue ||= this.incoming.owesAck;
    this.flush();
  }

  /**
   * Send a frame, after those sent before between the same peers.
   * @param {Frame} frame
   */
  send(frame) {
    this.lanes.put(frame);
    this.flush();
  }

  /** Send what may go now. */
  flush() {
    while (this.road?.hasRoom(this.sent.keptBytes)) {
      const frame = this.next();
      if (frame === null) return;
      this.road.send(frame);
    }
  }

  /**
   * Drop what is under way to and from a peer that is gone.
   * @param {string} peer
   */
  forget(peer) {
    this.lanes.drop(peer);
    this.assembler.forget(peer);
  }

  /**
   * Take what came over any road, also over one that has been left.
   * @param {Frame} frame
   */
  arrived(frame) {
    try {
      if (isFromEngine(frame, ACK)) this.sent.acknowledged(ackNumber(frame));
      else this.handle(frame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      // What is missing comes again, in its order, over the road that is taken now.
      console.warn("A frame was passed over.", error.message);
    }
    this.flush();
  }

  // ── how it is done ─────────────────────────────────────────────────────────────────────────

  /** @returns {Frame | null} */
  next() {
    if (this.ackIsDue || this.incoming.shouldAck) {
      this.ackIsDue = false;
      return this.incoming.ack();
    }
    const again = this.again.pop();
    if (again !== undefined) return again;
    const frame = this.sent.hasRoom ? this.lanes.take() : null;
    return frame && this.sent.number(frame);
  }

  /** @param {Frame} frame */
  handle(frame) {
    const taken = this.incoming.take(frame);
    this.ackTimer ??= setTimeout(() => this.acknowledge(), ACK_DELAY_MS);
    if (taken === null) return;
    if (isFromEngine(taken, GRANT)) {
      this.lanes.grant(granted(taken));
      return;
    }
    for (const whole of this.assembled(taken)) this.onFrame(whole);
  }

  /** @param {Frame} frame */
  assembled(frame) {
    try {
      return this.assembler.feed(frame);
    } catch (error) {
      // A peer that sends nonsense loses what it has under way, and nobody else does.
      this.assembler.forget(frame.header.from);
      throw error;
    }
  }

  acknowledge() {
    this.ackTimer = undefined;
    this.ackIsDue ||= this.incoming.owesAck;
    this.flush();
  }
}

/**
 * Whether the engine itself says so: a plugin may put any kind on its frames.
 * @param {Frame} frame
 * @param {string} kind
 */
function isFromEngine({ header }, kind) {
  return header.kind === kind && header.from === "";
}
