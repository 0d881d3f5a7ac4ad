/** The ways to bring a plugin: a file, an address, a template, or its source. */

import { html, useRef, useState } from "../../vendor/preact.js";
import { fetchPlugin, readFiles } from "../core/sources.js";
import { useApp } from "./hooks.js";
import { Icon } from "./icon.js";
import { TemplateList } from "./template_list.js";

/** @param {{onDone?: () => void}} props */
export function AddPlugin({ onDone = () => {} }) {
  return html`<div class="add">
    <${FromFile} onDone=${onDone} />
    <${FromAddress} onDone=${onDone} />
    <${FromSource} onDone=${onDone} />
    <${TemplateList} onDone=${onDone} />
  </div>`;
}

/** @param {{onDone: () => void}} props */
function FromFile({ onDone }) {
  const app = useApp();
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const take = (/** @type {any} */ event) => {
    void readFiles(app, [...event.currentTarget.files]);
    event.currentTarget.value = "";
    onDone();
  };
  return html`<div class="drop-zone">
    <${Icon} name="upload" size=${26} />
    <p><strong>Drop a plugin here</strong>, anywhere on the page</p>
    <input ref=${picker} type="file" accept=".html,.htm,.imjoy,.py" multiple hidden onChange=${take} />
    <button class="button button-primary" onClick=${() => picker.current?.click()}>Choose a file</button>
    <p class="quiet">A plugin is one file that ends in .imjoy.html, or a .py with metadata</p>
  </div>`;
}

/** @param {{onDone: () => void}} props */
function FromAddress({ onDone }) {
  const app = useApp();
  const [address, setAddress] = useState("");
  const load = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!address.trim()) return;
    void fetchPlugin(app, address.trim());
    setAddress("");
    onDone();
  };
  return html`<form class="add-row" onSubmit=${load}>
    <label for="add-address">From an address</label>
    <div class="joined">
      <input
        class="input"
        id="add-address"
        inputmode="url"
        placeholder="https://…/Plugin.imjoy.html"
        value=${address}
        onInput=${(/** @type {any} */ event) => setAddress(event.currentTarget.value)}
      />
      <button class="button" type="submit" disabled=${!address.trim()}>Load</button>
    </div>
  </form>`;
}

/** @param {{onDone: () => void}} props */
function FromSource({ onDone }) {
  const app = useApp();
  const [source, setSource] = useState("");
  const load = () => {
    void app.runner?.load(source, { origin: "pasted source" });
    setSource("");
    onDone();
  };
  return html`<details class="add-source">
    <summary>Paste source</summary>
    <textarea
      class="input code-input"
      aria-label="Source of a plugin"
      rows="8"
      spellcheck="false"
      placeholder=${'<config lang="json">\n{ "name": … }\n</config>'}
      value=${source}
      onInput=${(/** @type {any} */ event) => setSource(event.currentTarget.value)}
    ></textarea>
    <button class="button" disabled=${!source.trim()} onClick=${load}>Load the source</button>
  </details>`;
}
