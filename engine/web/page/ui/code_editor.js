/** A text area for code: line numbers, Tab indents, Ctrl+S saves, Escape lets Tab leave again. */

import { html, useId, useRef } from "../../vendor/preact.js";

const INDENT = "    ";

/**
 * @param {{code: string, label: string, line: number | null,
 *   onInput: (code: string) => void, onSave: () => void}} props
 */
export function CodeEditor({ code, label, line, onInput, onSave }) {
  const gutter = useRef(/** @type {HTMLElement | null} */ (null));
  const tabLeaves = useRef(false);
  const hint = useId();
  const onKeyDown = (/** @type {any} */ event) => {
    const area = event.currentTarget;
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      onSave();
    } else if (event.key === "Escape") {
      tabLeaves.current = true;
    } else if (event.key === "Tab" && !event.shiftKey && !tabLeaves.current) {
      event.preventDefault();
      area.setRangeText(INDENT, area.selectionStart, area.selectionEnd, "end");
      onInput(area.value);
    } else if (event.key.length === 1) {
      tabLeaves.current = false;
    }
  };
  const lines = code.split("\n").length;
  return html`<div class="code">
    <div class="code-lines" ref=${gutter} aria-hidden="true">
      ${Array.from({ length: lines }, (_, at) => html`<span class=${at + 1 === line ? "code-wrong" : ""}>${at + 1}</span>`)}
    </div>
    <textarea
      class="code-text"
      aria-label=${label}
      aria-describedby=${hint}
      spellcheck="false"
      autocapitalize="off"
      wrap="off"
      value=${code}
      onInput=${(/** @type {any} */ event) => onInput(event.currentTarget.value)}
      onKeyDown=${onKeyDown}
      onScroll=${(/** @type {any} */ event) => {
        if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop;
      }}
    ></textarea>
  </div>
  <p class="code-hint" id=${hint}>Tab indents. Escape, then Tab, leaves the editor. Ctrl+S saves and reloads.</p>`;
}
