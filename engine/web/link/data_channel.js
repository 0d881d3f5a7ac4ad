/**
 * The data channel: a plain WebSocket that carries a session's frames. A message of ours is one; one
 * of the engine's may be several small ones, one behind the other. It is opened with a one-time
 * ticket, and whoever cannot have one goes on over Socket.IO.
 */

import { decodeFrames, encodeFrame } from "./stream_frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

/**
 * @typedef {object} ChannelOptions
 * @property {string} url the engine's
 * @property {string} path where the engine has channels
 * @property {string} ticket
 * @property {typeof globalThis.WebSocket} WebSocket
 * @property {() => void} onOpen called when frames may be sent
 * @property {(frame: Frame) => void} onFrame
 * @property {() => void} onRoom called when there may be room again
 * @property {() => void} onEnd called once, also when it never opened
 */

/** How much a browser may hold for the network, in bytes; what comes later waits here, in lanes. */
const BUFFERED_BYTES = 2 ** 20;
const LOOK_AGAIN_MS = 5;
const HELLO_MS = 10_000;
const PROTOCOL_ERROR = 4002;
const encoder = new TextEncoder();

export class DataChannel {
  /** @param {ChannelOptions} options */
  constructor(options) {
    this.options = options;
    this.isOpen = false;
    this.hasEnded = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.lookAgain = undefined;
    // Where the browser allows none, this throws: nothing may be left behind then.
    this.socket = new options.WebSocket(channelUrl(options.url, options.path));
    this.patience = setTimeout(() => this.close(), HELLO_MS);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.greet();
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = () => this.end();
  }

  /**
   * Whether it takes another frame now; `onRoom` is called later when it does not.
   * @returns {boolean}
   */
  hasRoom() {
    if (!this.isOpen || this.hasEnded || this.socket.readyState !== 1) return false;
    if (this.socket.bufferedAmount <= BUFFERED_BYTES) return true;
    this.lookAgain ??= setTimeout(() => {
      this.lookAgain = undefined;
      this.options.onRoom();
    }, LOOK_AGAIN_MS);
    return false;
  }

  /** @param {Frame} frame */
  send({ header, body, buffers }) {
    this.socket.send(encodeFrame(header, body, buffers));
  }

  /** End it, and hear nothing more from it. */
  close() {
    this.socket.close();
    this.end();
  }

  greet() {
    const body = encoder.encode(JSON.stringify({ ticket: this.options.ticket }));
    this.send({ header: { to: "", from: "", kind: "hello" }, body, buffers: [] });
  }

  /** @param {unknown} data */
  receive(data) {
    if (this.hasEnded) return;
    let frames;
    try {
      frames = decodeFrames(/** @type {ArrayBuffer} */ (data));
    } catch (error) {
      console.warn("The engine sent something that is not a frame.", error);
      this.socket.close(PROTOCOL_ERROR);
      this.end();
      return;
    }
    for (const frame of frames) this.take(frame);
  }

  /** @param {Frame} frame */
  take(frame) {
    if (this.hasEnded) return;
    if (this.isOpen) {
      this.options.onFrame(frame);
    } else if (frame.header.kind === "welcome") {
      clearTimeout(this.patience);
      this.isOpen = true;
      this.options.onOpen();
    }
  }

  end() {
    if (this.hasEnded) return;
    this.hasEnded = true;
    clearTimeout(this.patience);
    clearTimeout(this.lookAgain);
    this.options.onEnd();
  }
}

/**
 * Return the address of a path of the engine for a WebSocket.
 * @param {string} url
 * @param {string} path
 */
function channelUrl(url, path) {
  const address = new URL(url);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.pathname = address.pathname.replace(/\/$/, "") + path;
  address.search = address.hash = "";
  return address.href;
}
