/** The plugins of the last visit: one press loads them again. */

import { html } from "../../vendor/preact.js";
import { useApp, useObservable } from "./hooks.js";

export function RememberedNote() {
  const app = useApp();
  const known = useObservable(app.remembered);
  const records = useObservable(app.plugins.records);
  const running = useObservable(app.elsewhere).map(({ name }) => name);
  // What still runs stands in the note beside this one: to load it would be to attach to it.
  const missing = known.filter(({ name }) => !records.has(name) && !running.includes(name));
  if (missing.length === 0) return null;
  const load = async () => {
    app.remembered.set([]);
    for (const { source, origin, tag, values, choices } of missing) {
      await app.runner?.load(source, { origin, tag, values, choices });
    }
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
