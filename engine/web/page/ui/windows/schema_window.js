/**
 * imjoy/schema-io: panels with a title, a description, data, and buttons that tell the plugin which
 * one was pressed. The data are shown as a tree; schemas are not drawn as charts or forms.
 */

import { html, useEffect, useState } from "../../../vendor/preact.js";
import { Markdown } from "../html_text.js";
import { ValueTree } from "../value_tree.js";

/** @typedef {import("../../state/windows.js").CoreWindow} CoreWindow */

/** @param {{window: CoreWindow}} props */
export function SchemaWindow({ window }) {
  const [panels, setPanels] = useState(() => listOf(window.data));
  useEffect(() => {
    window.api.append = (/** @type {any} */ more) => setPanels((/** @type {any[]} */ old) => [...old, ...listOf(more)]);
    window.api.remove = (/** @type {unknown} */ id) =>
      setPanels((/** @type {any[]} */ old) => old.filter((panel) => panel.id !== id));
  }, []);
  window.api.getData = (/** @type {unknown} */ id) =>
    id === undefined || id === null
      ? Object.fromEntries(panels.map((panel, at) => [panel.id ?? at, panel.data]))
      : panels.find((panel) => panel.id === id)?.data;
  if (panels.length === 0) return html`<p class="window-empty">There is nothing to show.</p>`;
  return html`<div class="window-scroll window-pad">
    ${panels.map((panel) => html`<${Panel} key=${panel.id} panel=${panel} window=${window} />`)}
  </div>`;
}

/** @param {{panel: any, window: CoreWindow}} props */
function Panel({ panel, window }) {
  return html`<section class="schema-panel">
    ${panel.title && html`<h3>${panel.title}</h3>`}
    ${panel.description && html`<${Markdown} text=${String(panel.description)} />`}
    <${ValueTree} name="data" value=${panel.data ?? panel.schema ?? panel} open=${true} />
    <div class="schema-buttons">
      ${(panel.buttons ?? []).map(
        (/** @type {any} */ button) =>
          html`<button class="button" onClick=${() => window.api.emit(button.event_id, panel.data)}>
            ${button.label}
          </button>`,
      )}
    </div>
  </section>`;
}

/** @param {any} data @returns {any[]} */
function listOf(data) {
  if (data === null || data === undefined) return [];
  return Array.isArray(data) ? data : [data];
}
