/** Says when the engine is not there, and takes a token when it wants one. */

import { html, useRef, useState } from "../../vendor/preact.js";
import { keepToken } from "../state/token.js";
import { useApp, useClock, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";

export function ConnectionBanner() {
  const { connection } = useApp();
  const { state, message, retryAt } = useObservable(connection);
  const refusal = useRef(/** @type {{message: string, retryAt: number} | null} */ (null));
  // While it tries again the banner stays: somebody may be writing a token there.
  if (state === "refused") refusal.current = { message, retryAt: retryAt ?? 0 };
  else if (state !== "connecting") refusal.current = null;
  if (refusal.current) return html`<${TokenBanner} ...${refusal.current} />`;
  if (state !== "offline") return null;
  return html`<div class="banner banner-warn" role="alert">
    <${Icon} name="warning" />
    <p><strong>No connection.</strong> ${message || "The engine cannot be reached. The page tries again by itself."} If the engine has ended, start it with <code>imjoy-engine</code>.</p>
  </div>`;
}

/** @param {{message: string, retryAt: number}} props */
function TokenBanner({ message, retryAt }) {
  const { link, tokensTried } = useApp();
  const tried = useObservable(tokensTried);
  const [token, setToken] = useState("");
  const connect = (/** @type {Event} */ event) => {
    event.preventDefault();
    const clean = tokenIn(token);
    keepToken(clean);
    tokensTried.update((count) => count + 1);
    link?.setToken(clean);
  };
  return html`<form class="banner banner-danger" onSubmit=${connect} role="alert">
    <${Icon} name="warning" />
    <p>
      <strong>The engine did not let this page in${tried > 0 && `, try ${tried}`}.</strong>${" "}
      ${message || "Open the link that the engine printed when it started, or the one that imjoy-engine token prints."}${" "}
      ${retryAt > 0 ? html`<${Countdown} until=${retryAt} />` : "Or enter the token here."}
    </p>
    <div class="joined">
      <input
        class="input"
        type="password"
        autocomplete="off"
        aria-label="Token"
        placeholder="Token"
        value=${token}
        onInput=${(/** @type {any} */ event) => setToken(event.currentTarget.value)}
      />
      <button class="button button-primary" type="submit" disabled=${!token.trim()}>Connect</button>
    </div>
  </form>`;
}

/** How long it takes until the page tries again. @param {{until: number}} props */
function Countdown({ until }) {
  const left = Math.ceil((until - useClock(true)) / 1000);
  // Read aloud once, with the sentence before it, and not every second.
  return html`<span role="timer">${left > 0 ? `The page tries again by itself in ${left}\u00a0s.` : "Trying again …"}</span>`;
}

/** People paste the whole link. @param {string} text */
function tokenIn(text) {
  return decodeURIComponent(/[#&?]token=([^&]+)/.exec(text)?.[1] ?? text.trim());
}
