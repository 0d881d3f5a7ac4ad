/** What a plugin registered beside its `run`, each with its own form. */

import { html, useMemo, useState } from "../../vendor/preact.js";
import { answersOf } from "../joy/fields.js";
import { parseForm } from "../joy/form.js";
import { useApp } from "./hooks.js";
import { Icon } from "./icon.js";
import { isFilled, JoyForm } from "./joy_form.js";

/** @param {{record: import("../state/records.js").PluginRecord}} props */
export function PluginOperations({ record }) {
  return record.operations.map(
    (operation) =>
      html`<${PluginOperation} key=${operation.name} plugin=${record.name} operation=${operation} />`,
  );
}

/** @param {{plugin: string, operation: import("../state/records.js").Operation}} props */
function PluginOperation({ plugin, operation }) {
  const { runner } = useApp();
  const form = useMemo(() => parseForm(operation.ui), [operation.ui]);
  const [values, setValues] = useState(/** @type {Record<string, unknown>} */ ({}));
  return html`<section class="operation" aria-label=${operation.name}>
    <header>
      <h4>${operation.name}</h4>
      <button
        class="button"
        disabled=${!isFilled(form.fields, values)}
        aria-label=${`Run ${operation.name}`}
        onClick=${() => void runner?.run(plugin, answersOf(form.fields, values), operation.name)}
      >
        <${Icon} name="play" size=${14} /> Run
      </button>
    </header>
    <${JoyForm}
      rows=${form.rows}
      values=${values}
      onChange=${(/** @type {string} */ id, /** @type {unknown} */ value) =>
        setValues((/** @type {any} */ old) => ({ ...old, [id]: value }))}
    />
  </section>`;
}
