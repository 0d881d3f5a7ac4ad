/** Run, stop, reload and the rest, as buttons. */

import { html } from "../../vendor/preact.js";
import { removePlugin } from "../core/asking.js";
import { answersOf } from "../joy/fields.js";
import { hasEnded, isRunnable, isUp } from "../state/records.js";
import { formatCount } from "../text/format.js";
import { useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { isFilled } from "./joy_form.js";

/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */

/** @param {{record: PluginRecord, form: {fields: import("../joy/fields.js").Field[]}}} props */
export function PluginActions({ record, form }) {
  const app = useApp();
  const { name, file, values } = record;
  const ended = hasEnded(record);
  const canRun = isUp(record) && isFilled(form.fields, values);
  const isWindow = file.type === "window" || file.type === "rpc-window";
  return html`<footer class="card-foot">
    ${!ended &&
    isRunnable(record) &&
    html`<button
      class="button button-primary"
      disabled=${!canRun}
      onClick=${() => void app.runner?.run(name, answersOf(form.fields, values))}
    >
      <${Icon} name="play" size=${14} /> ${isWindow ? "Open" : "Run"}
    </button>`}
    ${ended
      ? html`<button class="button button-primary" onClick=${() => void app.runner?.reload(name)}>
          <${Icon} name="reload" size=${16} /> ${record.state === "failed" ? "Try again" : "Start"}
        </button>`
      : !isWindow &&
        html`<button
          class="button"
          aria-disabled=${record.state === "draining"}
          onClick=${() => record.state !== "draining" && void app.runner?.stop(name)}
        >
          <${Icon} name="stop" size=${14} /> ${record.state === "preparing" ? "Cancel" : "Stop"}
        </button>`}
    <span class="card-tools">
      <${LogButton} name=${name} />
      ${file.docs && html`<${Tool} icon="book" label="Docs" onClick=${() => showDocs(app, record)} />`}
      <${Tool} icon="edit" label="Edit" onClick=${() => showEditor(app, record)} />
      ${!ended && html`<${Tool} icon="reload" label="Reload" onClick=${() => void app.runner?.reload(name)} />`}
      <${Tool} icon="trash" label="Remove" onClick=${() => void removePlugin(app, record)} />
    </span>
  </footer>`;
}

/** @param {{icon: string, label: string, onClick: () => void}} props */
function Tool({ icon, label, onClick }) {
  return html`<button class="icon-button" title=${label} aria-label=${label} onClick=${onClick}>
    <${Icon} name=${icon} />
  </button>`;
}

/** @param {{name: string}} props */
function LogButton({ name }) {
  const { logs } = useApp();
  const errors = useObservable(logs.of(name).errors);
  const shown = useObservable(logs.shown) === name;
  return html`<button
    class="icon-button"
    title="Log"
    aria-label=${errors > 0 ? `Log, ${formatCount(errors, "error")}` : "Log"}
    aria-pressed=${shown}
    onClick=${() => logs.shown.set(shown ? null : name)}
  >
    <${Icon} name="log" />${errors > 0 && html`<span class="badge">${Math.min(errors, 99)}</span>`}
  </button>`;
}

/** @param {import("../app.js").App} app @param {PluginRecord} record */
function showDocs(app, { name, file }) {
  const source = file.docs.startsWith("#") ? file.docs : `# ${name}\n\n${file.docs}`;
  void openWindow(app, { name: `${name}: docs`, type: "imjoy/markdown", data: { source } });
}

/** @param {import("../app.js").App} app @param {PluginRecord} record */
function showEditor(app, { name, file }) {
  const isDraft = (/** @type {any} */ window) => window.isUnsaved && !window.closed && window.data?.id === name;
  const draft = app.windows.list.value.find(isDraft);
  app.tab.set("windows");
  if (draft) {
    app.windows.select(draft);
    return bodyOf(draft)?.querySelector("textarea")?.focus();
  }
  const data = { id: name, code: file.source, fileName: file.fileName };
  void openWindow(app, { name: `${name}: source`, type: "imjoy/plugin-editor", data, w: 30, h: 17 });
}

/** Open a window that a person has asked for: the focus goes into it. @param {import("../app.js").App} app @param {object} config */
async function openWindow(app, config) {
  app.tab.set("windows");
  await app.imjoy?.api.createWindow(config);
  const { list, active } = app.windows;
  const opened = list.value.find(({ id }) => id === active.value);
  const body = opened && bodyOf(opened);
  const text = body?.querySelector("textarea");
  // Else it would be scrolled to its end.
  text?.setSelectionRange(0, 0);
  (text ?? body)?.focus();
}

/** @param {import("../state/windows.js").CoreWindow} window @returns {HTMLElement | null | undefined} */
function bodyOf(window) {
  return document.getElementById(window.window_id)?.closest(".window-body");
}
