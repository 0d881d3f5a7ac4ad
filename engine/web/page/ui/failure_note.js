/** Why a plugin failed: the reason, what to do next, and the last words of what failed. */

import { html } from "../../vendor/preact.js";
import { CopyButton } from "./copy_button.js";
import { Remedies } from "./remedies.js";

/**
 * @param {{failure: import("../state/records.js").Failure, name?: string, title?: string}} props
 *   `name` of the plugin that can be started again, `title` of its last words
 */
export function FailureNote({ failure, name = "", title = "Last lines" }) {
  const { command, tail } = split(failure.logTail.trimEnd());
  const actions = failure.actions ?? [];
  return html`<div class="note note-danger" role="alert">
    <p class="note-title">${failure.message}</p>
    ${failure.hint && html`<p>${failure.hint}</p>`}
    ${name && actions.length > 0 && html`<${Remedies} name=${name} remedies=${actions} />`}
    ${command && html`<p class="note-command">Command: <code>${command}</code></p>`}
    ${tail &&
    html`<details class="note-details" open>
      <summary>${title}</summary>
      <pre class="note-tail" key=${tail} ref=${scrollToEnd}>${tail}</pre>
      <${CopyButton} text=${() => failure.logTail.trimEnd()} label="Copy" />
    </details>`}
  </div>`;
}

/** What went wrong stands at the end. @param {HTMLElement | null} element */
function scrollToEnd(element) {
  if (element) element.scrollTop = element.scrollHeight;
}

/** The words of a tool begin with the command that it was. @param {string} words */
function split(words) {
  if (!words.startsWith("$ ")) return { command: "", tail: words };
  const end = words.indexOf("\n");
  return end < 0 ? { command: words.slice(2), tail: "" } : { command: words.slice(2, end), tail: words.slice(end + 1) };
}
