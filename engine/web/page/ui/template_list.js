/** Plugins to start from, which the engine brings along. */

import { html } from "../../vendor/preact.js";
import { fetchTemplate } from "../core/sources.js";
import { useApp, useObservable } from "./hooks.js";
import { PluginIcon } from "./plugin_icon.js";

/** @param {{onDone: () => void}} props */
export function TemplateList({ onDone }) {
  const app = useApp();
  const templates = useObservable(app.templates);
  if (templates.length === 0) return null;
  return html`<section class="templates" aria-labelledby="templates-title">
    <h3 id="templates-title">Or start from a template</h3>
    <ul class="template-grid">
      ${templates.map(
        (template) =>
          html`<li key=${template.path}>
            <button
              class="template"
              onClick=${() => {
                void fetchTemplate(app, template);
                onDone();
              }}
            >
              <${PluginIcon} name=${template.name} icon=${template.icon ?? ""} />
              <span class="template-words">
                <span class="template-name">${template.name}</span>
                <span class="chip">${template.type}</span>
                <span class="template-about">${template.description}</span>
              </span>
            </button>
          </li>`,
      )}
    </ul>
  </section>`;
}
