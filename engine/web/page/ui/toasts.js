/** Messages that pass by. */

import { html } from "../../vendor/preact.js";
import { useApp, useObservable } from "./hooks.js";
import { HtmlText } from "./html_text.js";
import { Icon } from "./icon.js";

export function Toasts() {
  const { messages } = useApp();
  const toasts = useObservable(messages.toasts);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(
      (toast) =>
        html`<div class=${`toast toast-${toast.kind}`} key=${toast.id}>
          <div>
            ${toast.from && html`<p class="eyebrow">${toast.from}</p>`}
            ${toast.isPlain ? html`<div class="html-text">${toast.text}</div>` : html`<${HtmlText} text=${toast.text} />`}
          </div>
          <button class="icon-button" aria-label="Dismiss" onClick=${() => messages.dismiss(toast.id)}>
            <${Icon} name="close" size=${16} />
          </button>
        </div>`,
    )}
  </div>`;
}
