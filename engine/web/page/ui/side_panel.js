/** A panel at the side that leaves the page usable; Escape closes it. */

import { html, useEffect, useId, useRef } from "../../vendor/preact.js";
import { useApp, useFocusBack } from "./hooks.js";
import { Icon } from "./icon.js";

/** @param {{title: string, children?: any}} props */
export function SidePanel({ title, children }) {
  const { panel } = useApp();
  const titleId = useId();
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  useFocusBack();
  useEffect(() => {
    heading.current?.focus();
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) panel.set("");
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return html`<aside class="side" aria-labelledby=${titleId}>
    <header class="side-head">
      <h2 id=${titleId} tabindex="-1" ref=${heading}>${title}</h2>
      <button class="icon-button" aria-label="Close" onClick=${() => panel.set("")}><${Icon} name="close" /></button>
    </header>
    ${children}
  </aside>`;
}
