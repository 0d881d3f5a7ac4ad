/** The files and folders of one folder: a list box that keyboard and mouse choose from. */

import { html, useRef, useState } from "../../../vendor/preact.js";
import { formatBytes } from "../../text/format.js";
import { Icon } from "../icon.js";

/** @typedef {import("./browse.js").FileEntry} FileEntry */

/**
 * @param {{entries: FileEntry[] | null, chosen: FileEntry[], single: boolean,
 *   onChoose: (entries: FileEntry[]) => void, onActivate: (entry: FileEntry) => void}} props
 */
export function FileList({ entries, chosen, single, onChoose, onActivate }) {
  const [at, setAt] = useState(0);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  if (entries === null) return html`<p class="file-empty">Reading the folder…</p>`;
  if (entries.length === 0) return html`<p class="file-empty">This folder is empty.</p>`;

  const choose = (/** @type {FileEntry} */ entry, /** @type {boolean} */ add) => {
    if (single || !add) onChoose([entry]);
    else onChoose(chosen.includes(entry) ? chosen.filter((one) => one !== entry) : [...chosen, entry]);
  };
  const moveTo = (/** @type {number} */ index) => {
    const next = Math.max(0, Math.min(entries.length - 1, index));
    setAt(next);
    /** @type {HTMLElement | undefined} */ (list.current?.children[next])?.focus();
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 };
    const entry = entries[at];
    if (event.key in moves) moveTo(moves[/** @type {keyof typeof moves} */ (event.key)]);
    else if (event.key === " ") choose(entry, true);
    else if (event.key === "Enter") onActivate(entry);
    else return;
    event.preventDefault();
  };
  return html`<ul
    class="file-list"
    role="listbox"
    aria-label="Files"
    aria-multiselectable=${!single}
    ref=${list}
    onKeyDown=${onKeyDown}
  >
    ${entries.map(
      (entry, index) =>
        html`<li
          key=${entry.path}
          role="option"
          class="file-row"
          tabindex=${index === Math.min(at, entries.length - 1) ? 0 : -1}
          aria-selected=${chosen.includes(entry)}
          onClick=${(/** @type {MouseEvent} */ event) => {
            setAt(index);
            choose(entry, event.ctrlKey || event.metaKey || event.shiftKey);
          }}
          onDblClick=${() => onActivate(entry)}
        >
          <${Icon} name=${entry.type === "dir" ? "folder" : "file"} />
          <span class="file-name">${entry.name}</span>
          <span class="file-size">${entry.size === null ? "" : formatBytes(entry.size)}</span>
          ${entry.type === "dir" &&
          html`<button
            class="icon-button"
            tabindex="-1"
            aria-label=${`Open ${entry.name}`}
            onClick=${() => onActivate(entry)}
          >
            <${Icon} name="right" />
          </button>`}
        </li>`,
    )}
  </ul>`;
}
