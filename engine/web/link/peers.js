/** Who receives which frames, and what came for peers that are not known yet. */

/** @typedef {import("./frames.js").Header} Header */
/** @typedef {(message: any, from: string) => void} Receiver */

const MAX_EARLY_FRAMES = 64;

export class Peers {
  constructor() {
    /** @type {Map<string, Receiver>} */
    this.receivers = new Map();
    /** @type {{header: Header, message: any}[]} frames for a peer that init_plugin will name */
    this.early = [];
  }

  /**
   * Hand every message for `peer` to `receive`, first those that came before they were expected.
   * @param {string} peer
   * @param {Receiver} receive
   */
  attach(peer, receive) {
    this.receivers.set(peer, receive);
    const early = this.early.filter(({ header }) => header.to === peer);
    this.early = this.early.filter(({ header }) => header.to !== peer);
    for (const { header, message } of early) receive(message, header.from);
  }

  /** @param {string} peer */
  detach(peer) {
    this.receivers.delete(peer);
  }

  /**
   * @param {Header} header
   * @param {any} message
   */
  deliver(header, message) {
    const receive = this.receivers.get(header.to);
    if (receive !== undefined) {
      receive(message, header.from);
      return;
    }
    this.early.push({ header, message });
    if (this.early.length > MAX_EARLY_FRAMES) this.early.shift();
  }

  /** Drop what came for nobody. */
  forgetEarly() {
    this.early = [];
  }
}
