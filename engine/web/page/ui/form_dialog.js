/** A plugin's question with several answers: showDialog with a `ui`. */

import { html, useState } from "../../vendor/preact.js";
import { answersOf } from "../joy/fields.js";
import { isFilled, JoyForm } from "./joy_form.js";
import { Modal } from "./modal.js";

/** @typedef {import("../state/dialogs.js").DialogRequest} DialogRequest */

/** @param {{request: DialogRequest}} props */
export function FormDialog({ request }) {
  const { form, title, from, values: start } = request.props;
  const [values, setValues] = useState(start);
  const filled = isFilled(form.fields, values);
  const onSubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (filled) request.answer(answersOf(form.fields, values));
  };
  return html`<${Modal} title=${title || "Settings"} from=${from} onClose=${request.cancel}>
    <form onSubmit=${onSubmit} novalidate>
      <${JoyForm}
        rows=${form.rows}
        values=${values}
        onChange=${(/** @type {string} */ id, /** @type {unknown} */ value) =>
          setValues((/** @type {any} */ old) => ({ ...old, [id]: value }))}
      />
      <footer class="modal-foot">
        <button type="button" class="button" onClick=${request.cancel}>Cancel</button>
        <button type="submit" class="button button-primary" disabled=${!filled}>OK</button>
      </footer>
    </form>
  <//>`;
}
