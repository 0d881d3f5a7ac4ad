/**
 * The two roads of a session, and which of them is taken: the data channel while there is one,
 * else Socket.IO while it is registered, else none.
 */

import { DataChannel } from "./data_channel.js";
import { toEvent } from "./frames.js";

/** @typedef {import("./socket.js").Socket} Socket */
/** @typedef {typeof globalThis.WebSocket} WebSocketClass */
/** @typedef {import("./traffic.js").Road} Road */
/** @typedef {import("./traffic.js").Traffic} Traffic */

/** What may be unacknowledged over Socket.IO, which tells nobody what it still has to send. */
const UNACKNOWLEDGED_BYTES = 2 * 2 ** 20;

export class Roads {
  /**
   * @param {Traffic} traffic
   * @param {Socket} socket
   * @param {{url: string, WebSocket?: WebSocketClass}} options without a WebSocket: Socket.IO only
   */
  constructor(traffic, socket, { url, WebSocket }) {
    this.traffic = traffic;
    this.url = url;
    this.WebSocket = WebSocket;
    this.isRegistered = false;
    /** @type {DataChannel | null} */
    this.channel = null;
    /** @type {Road} */
    this.socketRoad = {
      send: (frame) => socket.emit("frame", ...toEvent(frame)),
      hasRoom: (bytes) => socket.connected && bytes < UNACKNOWLEDGED_BYTES,
    };
  }

  /** Whether frames go over a data channel now. */
  get hasChannel() {
    return this.channel !== null && this.channel.isOpen;
  }

  /**
   * Send over Socket.IO, and over a new data channel as soon as one is there.
   * @param {() => Promise<{path: string, ticket: string}>} askForChannel
   */
  registered(askForChannel) {
    this.closeChannel();
    this.isRegistered = true;
    this.choose();
    if (this.WebSocket !== undefined) void this.openChannel(this.WebSocket, askForChannel);
  }

  /** Send nothing over Socket.IO until it is registered again. */
  dropped() {
    this.isRegistered = false;
    if (!this.hasChannel) this.choose();
  }

  /** Send nothing at all until the next registration. */
  close() {
    this.isRegistered = false;
    this.closeChannel();
    this.choose();
  }

  choose() {
    const channel = this.hasChannel ? this.channel : null;
    this.traffic.travelBy(channel ?? (this.isRegistered ? this.socketRoad : null));
  }

  /**
   * @param {WebSocketClass} WebSocket
   * @param {() => Promise<{path: string, ticket: string}>} askForChannel
   */
  async openChannel(WebSocket, askForChannel) {
    try {
      const { path, ticket } = await askForChannel();
      if (this.isRegistered && this.channel === null) {
        this.channel = this.newChannel(WebSocket, path, ticket);
      }
    } catch (error) {
      // The engine gives no channel or is away again, or the browser allows none.
      console.debug("Frames go over Socket.IO.", String(error));
    }
  }

  /**
   * @param {WebSocketClass} WebSocket
   * @param {string} path
   * @param {string} ticket
   */
  newChannel(WebSocket, path, ticket) {
    const { traffic, url } = this;
    const channel = new DataChannel({
      ...{ url, path, ticket, WebSocket },
      onOpen: () => this.choose(),
      onFrame: (frame) => traffic.arrived(frame),
      onRoom: () => traffic.flush(),
      onEnd: () => {
        if (this.channel !== channel) return;
        this.channel = null;
        this.choose();
      },
    });
    return channel;
  }

  closeChannel() {
    const { channel } = this;
    this.channel = null;
    channel?.close();
  }
}
