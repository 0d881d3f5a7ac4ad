/** Plugins that run on the engine and not here: one press attaches this page to one. */

import { html, useEffect } from "../../vendor/preact.js";
import { attach, isFreeHere, lookElsewhere } from "../core/elsewhere.js";
import { useApp, useObservable } from "./hooks.js";

const LOOK_MS = 2000;

export function ElsewhereNote() {
  const app = useApp();
  const plugins = useObservable(app.elsewhere);
  const records = useObservable(app.plugins.records);
  const { state } = useObservable(app.connection);
  useEffect(() => {
    if (state !== "online") return undefined;
    const look = () => void (document.hidden || lookElsewhere(app));
    look();
    const timer = setInterval(look, LOOK_MS);
    // Whoever has closed another tab comes to this one.
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [state]);
  const missing = plugins.filter(({ name }) => isFreeHere(records.get(name)));
  if (missing.length === 0) return null;
  return html`<section class="note elsewhere" aria-label="Running on the engine">
    <p>Running on the engine, not on this page. Attach to use them as they are, with all they have in memory:</p>
    <ul class="plain-list">
      ${missing.map(
        (plugin) => html`<li class="list-row" key=${plugin.instance}>
          <span>
            <strong>${plugin.name}</strong>
            <span class="quiet">${[plugin.tag, plugin.attended && "used elsewhere too"].filter(Boolean).join(", ")}</span>
          </span>
          <button class="button button-small" onClick=${() => void attach(app, plugin)}>Attach</button>
        </li>`,
      )}
    </ul>
  </section>`;
}
