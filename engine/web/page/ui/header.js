/** The bar at the top: what this is, what is going on, and the page's own buttons. */

import { html } from "../../vendor/preact.js";
import { nextTheme, theme } from "../state/theme.js";
import { useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";

/** @type {Record<string, string>} */
const CONNECTION_WORDS = {
  starting: "Starting",
  connecting: "Connecting",
  online: "Online",
  offline: "Offline",
  refused: "No access",
};
const THEME_ICONS = { system: "auto", light: "sun", dark: "moon" };

export function Header() {
  const { messages } = useApp();
  const progress = useObservable(messages.progress);
  const status = useObservable(messages.status);
  return html`<header class="top">
    <div class="top-row">
      <h1 class="brand"><img src="/page/icon.svg" alt="" width="26" height="26" /> ImJoy <span>Engine</span></h1>
      <p class="top-status" role="status" aria-live="polite">${status}</p>
      <nav class="top-tools" aria-label="Page">
        <${ConnectionButton} />
        <${MessagesButton} />
        <${ThemeButton} />
      </nav>
    </div>
    ${progress !== null &&
    html`<progress class="top-progress" max="100" value=${progress} aria-label="Progress"></progress>`}
  </header>`;
}

function ConnectionButton() {
  const { connection, panel } = useApp();
  const { state } = useObservable(connection);
  const open = useObservable(panel) === "engine";
  return html`<button
    class=${`connection connection-${state}`}
    aria-expanded=${open}
    title="About the engine"
    onClick=${() => panel.set(open ? "" : "engine")}
  >
    <span class="status-dot" aria-hidden="true"></span>
    <span class="connection-word">${CONNECTION_WORDS[state]}</span>
    <${Icon} name="engine" />
  </button>`;
}

function MessagesButton() {
  const { messages, panel } = useApp();
  const unread = useObservable(messages.unread);
  const errors = useObservable(messages.unreadErrors);
  const open = useObservable(panel) === "messages";
  return html`<button
    class="icon-button"
    title="Messages"
    aria-label=${unread > 0 ? `Messages, ${unread} new` : "Messages"}
    aria-expanded=${open}
    onClick=${() => panel.set(open ? "" : "messages")}
  >
    <${Icon} name="bell" />${unread > 0 && html`<span class=${errors > 0 ? "badge" : "badge badge-plain"}>${Math.min(unread, 99)}</span>`}
  </button>`;
}

function ThemeButton() {
  const current = useObservable(theme);
  return html`<button class="icon-button" title=${`Colours: ${current}`} aria-label=${`Colours: ${current}`} onClick=${nextTheme}>
    <${Icon} name=${THEME_ICONS[current]} />
  </button>`;
}
