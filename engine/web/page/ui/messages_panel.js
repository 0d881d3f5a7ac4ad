/** What plugins and page said so far, the latest first. */

import { html, useEffect } from "../../vendor/preact.js";
import { formatClock } from "../text/format.js";
import { useApp, useObservable } from "./hooks.js";
import { SidePanel } from "./side_panel.js";

export function MessagesPanel() {
  const { messages } = useApp();
  const history = useObservable(messages.history);
  useEffect(() => messages.read(), [history]);
  return html`<${SidePanel} title="Messages">
    ${history.length === 0 && html`<p class="quiet">No messages yet.</p>`}
    <ul class="plain-list">
      ${[...history].reverse().map(
        (message) =>
          html`<li class=${`message message-${message.kind}`} key=${message.id}>
            <p class="quiet">${[formatClock(message.time), message.from].filter(Boolean).join(" · ")}</p>
            <p class="message-text">${message.text}</p>
          </li>`,
      )}
    </ul>
    ${history.length > 0 && html`<button class="button" onClick=${() => messages.clear()}>Clear</button>`}
  <//>`;
}
