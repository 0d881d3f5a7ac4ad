/** The plugins of the last visit: one press loads them again. */

import { html } from "../../vendor/preact.js";
import { useApp, useObservable } from "./hooks.js";

export function RememberedNote() {
  const app = useApp();
  const known = useObservable(app.remembered);
  const records = useObservable(app.plugins.records);
  const missing = known.filter((plugin) => !records.has(plugin.name));
  if (missing.length === 0) return null;
  const load = async () => {
    app.remembered.set([]);
    for (const { source, origin, tag, choices } of missing) await app.runner?.load(source, { origin, tag, choices });
  };
  const forget = () => {
    app.remembered.set([]);
    app.rememberPlugins();
  };
  return html`<div class="note remembered">
    <p>Last time you had <strong>${missing.map((plugin) => plugin.name).join(", ")}</strong> here.</p>
    <div class="note-buttons">
      <button class="button" onClick=${load}>Load again</button>
      <button class="button button-quiet" onClick=${forget}>Forget</button>
    </div>
  </div>`;
}
