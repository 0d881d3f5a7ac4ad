/** What a person could try after an environment could not be made: each really starts it that way. */

import { html, useState } from "../../vendor/preact.js";
import { useApp } from "./hooks.js";

/** @typedef {import("../state/records.js").Remedy} Remedy */

/** @param {{name: string, remedies: Remedy[]}} props `name` is the plugin's */
export function Remedies({ name, remedies }) {
  return html`<ul class="remedies" aria-label="What could help">
    ${remedies.map((remedy) => html`<${Offer} key=${remedy.field} name=${name} remedy=${remedy} />`)}
  </ul>`;
}

/** @param {{name: string, remedy: Remedy}} props */
function Offer({ name, remedy }) {
  const app = useApp();
  const [value, setValue] = useState(remedy.value);
  const onSubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void app.runner?.retry(name, { [remedy.field]: value });
  };
  return html`<li>
    <form class="remedy" onSubmit=${onSubmit} title=${remedy.why}>
      <${Entry} remedy=${remedy} value=${value} onValue=${setValue} />
      <button type="submit" class="button" disabled=${!value}>${remedy.label}</button>
    </form>
    <p class="quiet">${remedy.why}</p>
  </li>`;
}

/** @param {{remedy: Remedy, value: any, onValue: (value: unknown) => void}} props */
function Entry({ remedy, value, onValue }) {
  const label = `${remedy.label}: which`;
  const onInput = (/** @type {any} */ event) => onValue(event.currentTarget.value);
  if (remedy.entry === "day") {
    return html`<input class="input" type="date" aria-label=${label} value=${value} onInput=${onInput} />`;
  }
  if (remedy.entry === "path") {
    return html`<input
      class="input"
      type="text"
      aria-label=${label}
      placeholder="Path of the bundle"
      value=${value ?? ""}
      onInput=${onInput}
    />`;
  }
  if (remedy.entry !== "option") return null;
  return html`<select class="input" aria-label=${label} value=${value} onChange=${onInput}>
    ${remedy.options.map((option) => html`<option value=${option}>${option}</option>`)}
  </select>`;
}
