/** A modal dialog: the browser's own, which keeps the focus inside and closes on Escape; then the focus returns. */

import { html, useEffect, useId, useRef } from "../../vendor/preact.js";
import { useFocusBack } from "./hooks.js";
import { Icon } from "./icon.js";

/** What a person answers in. */
const FIELDS = /** @type {"input"} */ ("form :is(input, select, textarea)");

/**
 * @param {{title: string, onClose: () => void, wide?: boolean, from?: string, children?: any, kind?: string}} props
 */
export function Modal({ title, onClose, wide = false, from = "", kind = "", children }) {
  const ref = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const titleId = useId();
  useFocusBack();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    // Else it is the button that closes which has the focus, and hears what is typed.
    if (!dialog?.querySelector("[autofocus]")) dialog?.querySelector(FIELDS)?.focus();
    return () => dialog?.close();
  }, []);
  const onCancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  const onBackdrop = (/** @type {MouseEvent} */ event) => {
    if (event.target === ref.current) onClose();
  };
  return html`<dialog
    ref=${ref}
    class=${`modal ${wide ? "modal-wide" : ""} ${kind}`}
    aria-labelledby=${titleId}
    onCancel=${onCancel}
    onMouseDown=${onBackdrop}
  >
    <div class="modal-body">
      <header class="modal-head">
        <div>
          ${from && from !== title && html`<p class="eyebrow">${from}</p>`}
          <h2 id=${titleId}>${title}</h2>
        </div>
        <button class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      </header>
      ${children}
    </div>
  </dialog>`;
}
