/**
 * What waits for the session to come back: frames, bounded in bytes, and a few requests. It is
 * for that session only; when another comes instead, all of it is forgotten.
 */

const MAX_BYTES = 64 * 2 ** 20;

export class Waiting {
  constructor() {
    /** @type {{from: string, args: unknown[], bytes: number}[]} */
    this.frames = [];
    this.bytes = 0;
    /** @type {[event: string, payload: object][]} */
    this.requests = [];
  }

  /**
   * Keep a frame, and return whether there was room for it.
   * @param {string} from its sender
   * @param {unknown[]} args
   * @param {number} bytes
   * @returns {boolean}
   */
  put(from, args, bytes) {
    if (this.bytes + bytes > MAX_BYTES) return false;
    this.frames.push({ from, args, bytes });
    this.bytes += bytes;
    return true;
  }

  /**
   * Forget what one sender wanted to send.
   * @param {string} from
   */
  forget(from) {
    this.frames = this.frames.filter((frame) => frame.from !== from);
    this.bytes = this.frames.reduce((sum, frame) => sum + frame.bytes, 0);
  }

  /** Return everything, and keep nothing. */
  take() {
    const { frames, requests } = this;
    this.frames = [];
    this.bytes = 0;
    this.requests = [];
    return { frames, requests };
  }
}
