/** Files that could not be loaded: one clear message each, until somebody has read it. */

import { html } from "../../vendor/preact.js";
import { useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";

export function Refusals() {
  const { plugins } = useApp();
  const refusals = useObservable(plugins.refusals);
  const notes = refusals.map(
    (refusal) =>
      html`<div class="note note-danger note-closable" role="alert" key=${refusal.id}>
        <p class="eyebrow">${refusal.origin}</p>
        <p class="note-title">${refusal.message}</p>
        ${refusal.hint && html`<p>${refusal.hint}</p>`}
        <button class="icon-button" aria-label="Dismiss" onClick=${() => plugins.dismissRefusal(refusal.id)}>
          <${Icon} name="close" size=${16} />
        </button>
      </div>`,
  );
  if (notes.length < 2) return notes;
  return html`<div class="refusals-head">
      <p class="quiet">${notes.length} files were not loaded.</p>
      <button class="button button-small" onClick=${() => plugins.dismissAllRefusals()}>Dismiss all</button>
    </div>
    ${notes}`;
}
