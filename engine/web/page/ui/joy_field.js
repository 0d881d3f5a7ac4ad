/** One field of an ImJoy form as a control. */

import { html } from "../../vendor/preact.js";
import { complaintOf } from "../joy/fields.js";

/** @typedef {import("../joy/fields.js").Field} Field */
/** @typedef {{field: Field, value: any, id: string, onChange: (value: unknown) => void}} ControlProps */

/** @param {ControlProps} props */
export function JoyField({ field, value, id, onChange }) {
  const complaint = complaintOf(field, value);
  const Control = CONTROLS[field.kind];
  return html`<span class="field">
    <${Control} field=${field} value=${value} id=${id} onChange=${onChange} />
    ${complaint && html`<span class="field-complaint" id=${`${id}-complaint`}>${complaint}</span>`}
  </span>`;
}

/** @param {ControlProps} props */
function NumberInput({ field, value, id, onChange }) {
  const wrong = complaintOf(field, value) !== "";
  return html`<input
    class="input input-number"
    type="number"
    id=${id}
    min=${field.min ?? undefined}
    max=${field.max ?? undefined}
    step=${field.step ?? "any"}
    value=${Number.isFinite(value) ? value : ""}
    aria-invalid=${wrong}
    aria-describedby=${wrong ? `${id}-complaint` : undefined}
    onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.valueAsNumber)}
  />`;
}

/** @param {ControlProps} props */
function RangeInput({ field, value, id, onChange }) {
  return html`<span class="range">
    <input
      type="range"
      id=${id}
      min=${field.min ?? 0}
      max=${field.max ?? 100}
      step=${field.step ?? "any"}
      value=${value}
      onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.valueAsNumber)}
    />
    <output for=${id}>${Number(value.toPrecision(6))}</output>
  </span>`;
}

/** @param {ControlProps} props */
function Choice({ field, value, id, onChange }) {
  const at = field.options.findIndex((option) => option.value === value);
  return html`<select
    class="input"
    id=${id}
    value=${at}
    onChange=${(/** @type {any} */ event) => onChange(field.options[Number(event.currentTarget.value)].value)}
  >
    ${field.options.map((option, index) => html`<option value=${index}>${option.label}</option>`)}
  </select>`;
}

/** @param {ControlProps} props */
function TextInput({ value, id, onChange }) {
  return html`<input
    class="input"
    type="text"
    id=${id}
    value=${value}
    onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}
  />`;
}

/** @param {ControlProps} props */
function TextArea({ value, id, onChange }) {
  return html`<textarea
    class="input"
    id=${id}
    rows="3"
    value=${value}
    onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}
  ></textarea>`;
}

/** @param {ControlProps} props */
function Checkbox({ value, id, onChange }) {
  return html`<input
    type="checkbox"
    id=${id}
    checked=${value === true}
    onChange=${(/** @type {any} */ event) => onChange(event.currentTarget.checked)}
  />`;
}

/** @param {ControlProps} props */
function ColorInput({ value, id, onChange }) {
  return html`<input
    type="color"
    id=${id}
    value=${value}
    onInput=${(/** @type {any} */ event) => onChange(event.currentTarget.value)}
  />`;
}

/** @param {ControlProps} props */
function ButtonInput({ field, id, onChange }) {
  return html`<button type="button" class="button" id=${id} onClick=${() => onChange(true)}>
    ${field.label || field.id}
  </button>`;
}

/** @type {Record<Field["kind"], (props: ControlProps) => any>} */
const CONTROLS = {
  number: NumberInput,
  range: RangeInput,
  choose: Choice,
  string: TextInput,
  text: TextArea,
  checkbox: Checkbox,
  color: ColorInput,
  button: ButtonInput,
};
