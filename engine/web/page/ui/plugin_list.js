/** The plugins of the page, and what could not be loaded. */

import { html } from "../../vendor/preact.js";
import { useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { PluginCard } from "./plugin_card.js";
import { Refusals } from "./refusals.js";

export function PluginList() {
  const { plugins, panel } = useApp();
  const records = [...useObservable(plugins.records).values()];
  return html`<section class="plugins" aria-label="Plugins">
    <header class="plugins-head">
      <h2>Plugins</h2>
      <button class="button" onClick=${() => panel.set("add")}><${Icon} name="plus" size=${16} /> Add plugin</button>
    </header>
    <${Refusals} />
    ${records.map((record) => html`<${PluginCard} key=${record.name} record=${record} />`)}
  </section>`;
}
