/** imjoy/plugin-editor: the source of a plugin, to change and load again. */

import { html, useEffect, useState } from "../../../vendor/preact.js";
import { saveBlob } from "../../core/host_files.js";
import { checkPluginFile } from "../../plugin_file/check.js";
import { CodeEditor } from "../code_editor.js";
import { useApp } from "../hooks.js";
import { Icon } from "../icon.js";

/** @param {{window: import("../../state/windows.js").CoreWindow}} props */
export function EditorWindow({ window }) {
  const app = useApp();
  const [code, setCode] = useState(String(window.data?.code ?? ""));
  const [saved, setSaved] = useState(code);
  const origin = app.plugins.get(String(window.data?.id ?? ""))?.origin;
  const checked = checkPluginFile(code, "", origin);
  const problem = "problem" in checked ? checked.problem : null;
  const name = "plugin" in checked ? checked.plugin.name : window.name;
  const fileName = "plugin" in checked ? checked.plugin.fileName : (window.data?.fileName ?? `${name}.imjoy.html`);

  const isChanged = code !== saved;
  useEffect(() => {
    window.isUnsaved = isChanged;
    if (!isChanged) return undefined;
    const warn = (/** @type {Event} */ event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isChanged]);
  const save = () => {
    if (problem) return;
    setSaved(code);
    const record = app.plugins.get(name);
    void app.runner?.load(code, { origin: record?.origin ?? "the editor", tag: record?.file.tag });
  };
  return html`<div class="editor">
    <${CodeEditor} code=${code} label=${`Source of ${name}`} line=${problem?.line ?? null} onInput=${setCode} onSave=${save} />
    <footer class="editor-foot">
      <p class=${problem ? "editor-problem" : "editor-fine"} role="status">
        ${problem ? problem.message : isChanged ? "Changed, not loaded yet." : "No changes."}
      </p>
      <button
        class="button button-quiet"
        onClick=${() => saveBlob(new Blob([code], { type: fileName.endsWith(".py") ? "text/x-python" : "text/html" }), fileName)}
      >
        <${Icon} name="download" /> Download
      </button>
      <button class="button button-primary" disabled=${problem !== null} onClick=${save}>Save and reload</button>
    </footer>
  </div>`;
}
