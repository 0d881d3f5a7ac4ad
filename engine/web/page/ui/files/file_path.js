/** Where the file dialog is: the folders that lead there, and a field to type another place. */

import { html, useEffect, useRef, useState } from "../../../vendor/preact.js";
import { Icon } from "../icon.js";
import { crumbsOf } from "./browse.js";

/** @param {{listing: import("./browse.js").Listing, onOpen: (path: string) => void}} props */
export function FilePath({ listing, onOpen }) {
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const crumbs = crumbsOf(listing.path, listing.sep);
  const trail = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // On a narrow screen the folder itself is what matters.
    if (trail.current) trail.current.scrollLeft = trail.current.scrollWidth;
  }, [listing, typed]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (typed !== null) onOpen(typed);
    setTyped(null);
  };
  if (typed !== null) {
    return html`<form class="file-path" onSubmit=${submit}>
      <input
        class="input"
        aria-label="Folder"
        autofocus
        value=${typed}
        onInput=${(/** @type {any} */ event) => setTyped(event.currentTarget.value)}
      />
      <button class="button" type="submit">Open</button>
    </form>`;
  }
  return html`<nav class="file-path" aria-label="Folders">
    <button
      class="icon-button"
      aria-label="Up one folder"
      disabled=${crumbs.length < 2}
      onClick=${() => onOpen(crumbs[crumbs.length - 2].path)}
    >
      <${Icon} name="up" />
    </button>
    <ol class="crumbs" ref=${trail}>
      ${crumbs.map(
        (crumb, at) =>
          html`<li>
            <button
              class="crumb"
              aria-current=${at === crumbs.length - 1 ? "location" : undefined}
              onClick=${() => onOpen(crumb.path)}
            >
              ${crumb.name}
            </button>
          </li>`,
      )}
    </ol>
    <button class="icon-button" aria-label="Type a folder" onClick=${() => setTyped(listing.path)}>
      <${Icon} name="edit" />
    </button>
  </nav>`;
}
