/** Why a plugin failed: the reason, what to do next, and the last words of what failed. */

import { html } from "../../vendor/preact.js";
import { CopyButton } from "./copy_button.js";

/** @param {{failure: import("../state/records.js").Failure}} props */
export function FailureNote({ failure }) {
  const tail = failure.logTail.trimEnd();
  return html`<div class="note note-danger" role="alert">
    <p class="note-title">${failure.message}</p>
    ${failure.hint && html`<p>${failure.hint}</p>`}
    ${tail &&
    html`<details class="note-details" open>
      <summary>Last lines</summary>
      <pre class="note-tail">${tail}</pre>
      <${CopyButton} text=${() => tail} label="Copy" />
    </details>`}
  </div>`;
}
