/** alert, prompt and confirm. */

import { html, useRef, useState } from "../../vendor/preact.js";
import { HtmlText } from "./html_text.js";
import { Modal } from "./modal.js";

/** @typedef {import("../state/dialogs.js").DialogRequest} DialogRequest */

const TITLES = new Map([
  ["alert", "Message"],
  ["confirm", "Please confirm"],
  ["prompt", "Question"],
]);

/** @param {{request: DialogRequest}} props */
export function AskDialog({ request }) {
  const { kind, props } = request;
  const [value, setValue] = useState(String(props.value ?? ""));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const answer = () => request.answer(kind === "prompt" ? (input.current?.value ?? value) : true);
  const onSubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    answer();
  };
  return html`<${Modal}
    title=${props.title || TITLES.get(kind)}
    from=${props.from}
    kind="modal-ask"
    onClose=${request.cancel}
  >
    <form onSubmit=${onSubmit}>
      <${HtmlText} text=${props.content} class="modal-text" />
      ${kind === "prompt" &&
      html`<input
        ref=${input}
        class="input"
        aria-label="Answer"
        autofocus
        value=${value}
        onInput=${(/** @type {any} */ event) => setValue(event.currentTarget.value)}
      />`}
      <footer class="modal-foot">
        ${kind !== "alert" &&
        html`<button type="button" class="button" onClick=${request.cancel}>Cancel</button>`}
        <button type="submit" class="button button-primary" autofocus=${kind !== "prompt"}>
          ${props.ok || "OK"}
        </button>
      </footer>
    </form>
  <//>`;
}
