/** A value as a tree that opens where somebody looks. */

import { html, useState } from "../../vendor/preact.js";
import { formatBytes, formatCount } from "../text/format.js";

const SHOWN_ITEMS = 200;
const MAX_TEXT = 400;

/** @param {{name: string, value: any, open?: boolean}} props */
export function ValueTree({ name, value, open = false }) {
  const [isOpen, setOpen] = useState(open);
  const items = itemsOf(value);
  if (items === null) {
    return html`<div class="tree-leaf">
      <span class="tree-name">${name}</span> <span class=${`tree-value tree-${typeof value}`}>${leafText(value)}</span>
    </div>`;
  }
  return html`<details
    class="tree"
    open=${isOpen}
    onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}
  >
    <summary><span class="tree-name">${name}</span> <span class="tree-kind">${kindOf(value)}</span></summary>
    ${isOpen &&
    items.slice(0, SHOWN_ITEMS).map(([key, item]) => html`<${ValueTree} key=${key} name=${key} value=${item} />`)}
    ${isOpen && items.length > SHOWN_ITEMS && html`<p class="tree-more">${items.length - SHOWN_ITEMS} more</p>`}
  </details>`;
}

/** @param {any} value @returns {[string, unknown][] | null} */
function itemsOf(value) {
  if (typeof value !== "object" || value === null) return null;
  if (value._rtype === "ndarray" || value instanceof ArrayBuffer || value instanceof Date) return null;
  if (ArrayBuffer.isView(value) || value instanceof Blob || value instanceof Error) return null;
  return Object.entries(value).filter(([key]) => !key.startsWith("_r"));
}

/** @param {any} value */
function kindOf(value) {
  return Array.isArray(value)
    ? `list of ${formatCount(value.length, "item")}`
    : formatCount(Object.keys(value).length, "field");
}

/** @param {any} value */
function leafText(value) {
  if (typeof value === "string") return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
  if (typeof value === "function") return "function";
  if (value?._rtype === "ndarray") return `array ${value._rdtype} [${value._rshape}]`;
  if (value instanceof ArrayBuffer) return `bytes, ${formatBytes(value.byteLength)}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}, ${formatBytes(value.byteLength)}`;
  if (value instanceof Blob) return `file, ${formatBytes(value.size)}`;
  return String(value);
}
