/**
 * imjoy/joy and imjoy/panel: a `ui` that stays open. Whoever made the window hears "change" with all
 * answers, and can ask for them with `get_config()`.
 */

import { html, useMemo, useState } from "../../../vendor/preact.js";
import { answersOf } from "../../joy/fields.js";
import { parseForm } from "../../joy/form.js";
import { JoyForm } from "../joy_form.js";

/** @param {{window: import("../../state/windows.js").CoreWindow}} props */
export function FormWindow({ window }) {
  const ui = window.ui ?? window.config?.ui;
  const form = useMemo(() => parseForm(ui), [ui]);
  const [values, setValues] = useState(/** @type {Record<string, unknown>} */ (window.data ?? {}));
  window.api.get_config = () => answersOf(form.fields, values);
  const onChange = (/** @type {string} */ id, /** @type {unknown} */ value) => {
    const next = { ...values, [id]: value };
    setValues(next);
    const answers = answersOf(form.fields, next);
    window.api.emit("change", answers);
    window.config?.onupdate?.({ data: answers });
  };
  if (form.rows.length === 0) return html`<p class="window-empty">This form has no fields.</p>`;
  return html`<div class="window-scroll window-pad">
    <${JoyForm} rows=${form.rows} values=${values} onChange=${onChange} />
  </div>`;
}
