/** An ImJoy form: rows of words and fields. */

import { html, useId } from "../../vendor/preact.js";
import { complaintOf } from "../joy/fields.js";
import { labelOf } from "../text/plain.js";
import { HtmlText } from "./html_text.js";
import { JoyField } from "./joy_field.js";

/** @typedef {import("../joy/form.js").Row} Row */
/** @typedef {import("../joy/fields.js").Field} Field */

/**
 * @param {{rows: Row[], values: Record<string, unknown>, onChange: (id: string, value: unknown) => void}} props
 */
export function JoyForm({ rows, values, onChange }) {
  const prefix = useId();
  const control = (/** @type {Field} */ field, /** @type {string} */ id) =>
    html`<${JoyField}
      field=${field}
      id=${id}
      value=${field.id in values ? values[field.id] : field.value}
      onChange=${(/** @type {unknown} */ value) => onChange(field.id, value)}
    />`;
  return html`<div class="joy-form">
    ${rows.map((row, at) =>
      row.items.length === 0
        ? html`<${HtmlText} text=${row.lead} class="joy-words" />`
        : html`<${FormRow} row=${row} id=${`${prefix}-${at}`} control=${control} />`,
    )}
  </div>`;
}

/** Whether every answer can be given. @param {Field[]} fields @param {Record<string, unknown>} values */
export function isFilled(fields, values) {
  return fields.every((field) => complaintOf(field, field.id in values ? values[field.id] : field.value) === "");
}

/** @param {{row: Row, id: string, control: (field: Field, id: string) => any}} props */
function FormRow({ row, id, control }) {
  return html`<div class="joy-row">
    ${row.items.map((item, index) => {
      const words = labelOf(index === 0 ? row.lead : row.items[index - 1].after);
      const fieldId = `${id}-${index}`;
      const unit = index === row.items.length - 1 ? labelOf(item.after) : "";
      return html`<div class="joy-item">
        <label for=${fieldId}>${words || item.field.id}</label>
        <span class="joy-control">
          ${control(item.field, fieldId)} ${unit && html`<span class="joy-unit">${unit}</span>`}
        </span>
      </div>`;
    })}
  </div>`;
}
