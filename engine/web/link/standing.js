/** How it stands with the connection to the engine, as people are told, and who waits for that. */

import { LinkError } from "./errors.js";
import { Emitter } from "./events.js";

/** @typedef {"connecting" | "online" | "offline" | "refused"} LinkState */

/** Fires `state {state, message, retryAt}` whenever it is another one. */
export class Standing extends Emitter {
  /** @type {LinkState} */
  state = "connecting";
  message = "";
  /** When it is tried again by itself what was refused, in milliseconds; 0: it is not. */
  retryAt = 0;

  /** @param {string} url the engine's */
  constructor(url) {
    super();
    this.url = url;
  }

  /**
   * Resolve when online; reject with what people need when it is refused, or takes longer.
   * @param {number} timeoutS
   * @returns {Promise<void>}
   */
  settled(timeoutS) {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.state === "online") done(resolve);
        else if (this.state === "refused") done(() => reject(new LinkError(this.message)));
      };
      /** @param {() => void} settle */
      const done = (settle) => {
        off();
        clearTimeout(timer);
        settle();
      };
      const off = this.on("state", check);
      const timer = setTimeout(() => done(() => reject(this.awayError())), timeoutS * 1000);
      if (this.state === "online") done(resolve);
    });
  }

  /**
   * Return what they are told who need the engine now.
   * @returns {LinkError}
   */
  awayError() {
    return new LinkError(
      this.state === "refused" ? this.message : `The engine at ${this.url} is not connected.`,
      { code: "not-connected", hint: "Check that it runs, then try again." },
    );
  }

  /**
   * @param {LinkState} state
   * @param {string} message
   */
  enter(state, message, retryAt = 0) {
    if (this.state === state && this.message === message && this.retryAt === retryAt) return;
    Object.assign(this, { state, message, retryAt });
    this.fire("state", { state, message, retryAt });
  }
}
