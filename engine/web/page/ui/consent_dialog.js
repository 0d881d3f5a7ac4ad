/** May a plugin run commands of its own? They are shown word by word, and nothing is preselected. */

import { html } from "../../vendor/preact.js";
import { Modal } from "./modal.js";

/** @param {{request: import("../state/dialogs.js").DialogRequest}} props */
export function ConsentDialog({ request }) {
  const { from, commands } = request.props;
  return html`<${Modal} title="Run these commands?" from=${from} kind="modal-ask" wide onClose=${() => request.answer(false)}>
    <p class="modal-text">
      To make its environment, <strong>${from}</strong> wants to run on the engine's machine, with your rights:
    </p>
    <ol class="consent-commands" aria-label="Commands">
      ${commands.map((/** @type {string} */ command) => html`<li><pre>${command}</pre></li>`)}
    </ol>
    <p class="quiet">Allow them only if you trust the plugin. Your yes is remembered for exactly these words.</p>
    <footer class="modal-foot">
      <button type="button" class="button" autofocus onClick=${() => request.answer(false)}>Refuse</button>
      <button type="button" class="button button-primary" onClick=${() => request.answer(true)}>Allow</button>
    </footer>
  <//>`;
}
