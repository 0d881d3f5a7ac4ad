/** imjoy/markdown: the markdown in `data.source`. */

import { html } from "../../../vendor/preact.js";
import { Markdown } from "../html_text.js";

/** @param {{window: import("../../state/windows.js").CoreWindow}} props */
export function MarkdownWindow({ window }) {
  const source = typeof window.data === "string" ? window.data : (window.data?.source ?? "");
  return html`<div class="window-scroll">
    ${source.trim() ? html`<${Markdown} text=${source} />` : html`<p class="window-empty">There is nothing to read.</p>`}
  </div>`;
}
