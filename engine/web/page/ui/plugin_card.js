/** One plugin: what it is, what it does, and what a person can do with it. */

import { html, useMemo } from "../../vendor/preact.js";
import { parseForm } from "../joy/form.js";
import { ENGINE_TYPES, hasEnded, isLastKnown, isRunnable, isStarting, isUp } from "../state/records.js";
import { CANCELLING, isCancelling, runsOf } from "../state/run_list.js";
import { BuildProgress } from "./build_progress.js";
import { FailureNote } from "./failure_note.js";
import { useApp, useFocusBack, useInView, useObservable } from "./hooks.js";
import { JoyForm } from "./joy_form.js";
import { PluginActions } from "./plugin_actions.js";
import { PluginIcon } from "./plugin_icon.js";
import { PluginOperations } from "./plugin_operations.js";
import { PluginStatus } from "./plugin_status.js";
import { RunList } from "./run_list.js";

/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */

const ENDING = new Set(["draining", "stopped"]);

/** @param {{record: PluginRecord}} props */
export function PluginCard({ record }) {
  const { plugins } = useApp();
  const { file, name } = record;
  const form = useMemo(() => parseForm(file.ui), [file]);
  const setValue = (/** @type {string} */ id, /** @type {unknown} */ value) =>
    plugins.change(name, (old) => ({ ...old, values: { ...old.values, [id]: value } }));
  const onEngine = ENGINE_TYPES.includes(file.type);
  // One bar and one line cannot speak for several runs: each stands in the list.
  const areListed = onEngine && record.calls > 1;
  useFocusBack(() => document.querySelector(".plugins-head button"));
  const card = useInView(useObservable(plugins.brought) === name, () => plugins.brought.set(""));
  return html`<article class="card" aria-label=${name} ref=${card}>
    <header class="card-head">
      <${PluginIcon} name=${name} icon=${file.icon} />
      <div class="card-names">
        <h3 class="card-title">${name}</h3>
        <p class="card-meta">
          <span class="chip">${file.type}</span>
          ${file.version && html`<span>v${file.version}</span>`}
        </p>
      </div>
      <${PluginStatus} record=${record} />
    </header>
    ${file.description && html`<p class="card-words">${file.description}</p>`}
    ${file.tags.length > 1 && html`<${TagChoice} record=${record} />`}
    <${Missing} record=${record} />
    <${LastKnown} record=${record} />
    ${isStarting(record) && html`<${BuildProgress} record=${record} />`}
    ${record.failure && html`<${FailureNote} failure=${record.failure} name=${hasEnded(record) ? name : ""} />`}
    ${ENDING.has(record.state) && record.detail && html`<p class="quiet">${record.detail}</p>`}
    ${record.bar !== null &&
    !areListed &&
    html`<progress class="bar" aria-label=${`Progress of ${name}`} max="100" value=${record.bar}></progress>`}
    ${form.rows.length > 0 &&
    !hasEnded(record) &&
    isRunnable(record) &&
    html`<${JoyForm} rows=${form.rows} values=${record.values} onChange=${setValue} />`}
    ${isUp(record) &&
    !isRunnable(record) &&
    record.operations.length === 0 &&
    html`<p class="quiet">Other plugins use it; it has nothing to run by itself.</p>`}
    <${PluginActions} record=${record} form=${form} />
    ${isUp(record) && html`<${PluginOperations} record=${record} />`}
    ${!record.failure && html`<${Outcome} record=${record} areListed=${areListed} />`}
    ${onEngine && html`<${RunList} name=${name} tag=${file.tag} />`}
  </article>`;
}

/** That the engine is away, which alone knows how its plugin stands. @param {{record: PluginRecord}} props */
function LastKnown({ record }) {
  const { connection } = useApp();
  if (!isLastKnown(record, useObservable(connection).state)) return null;
  return html`<p class="quiet">As last known: the engine is not connected.</p>`;
}

/**
 * How far a run is, or how the last one ended.
 * @param {{record: PluginRecord, areListed: boolean}} props `areListed`: the list of runs says it
 */
function Outcome({ record, areListed }) {
  const { runner, runs } = useApp();
  const { name, file } = record;
  const open = runsOf(useObservable(runs), name, file.tag).filter((run) => run.state === "running");
  const isLate = open.some(isCancelling) && !hasEnded(record);
  const isDone = isLate && open.every(isCancelling);
  const mayCancel = record.isCancellable && record.calls > 0 && !isDone;
  const waits = record.waiting > 0 ? "Waits until the engine is back." : "";
  const words = (isLate && CANCELLING) || waits || (!areListed && record.outcome) || (mayCancel ? "Under way…" : "");
  if (!words) return null;
  return html`<div class="outcome-line">
    <p class=${record.outcomeFailed ? "outcome outcome-failed" : "outcome"} role="status">${words}</p>
    ${mayCancel &&
    html`<button class="button button-small" onClick=${() => runner?.cancel(name)}>Cancel</button>`}
  </div>`;
}

/** @param {{record: PluginRecord}} props */
function TagChoice({ record }) {
  const { runner } = useApp();
  return html`<label class="card-tag">
    <span>Tag</span>
    <select
      class="input"
      value=${record.file.tag}
      disabled=${record.state === "draining"}
      onChange=${(/** @type {any} */ event) => void runner?.reload(record.name, { tag: event.currentTarget.value })}
    >
      ${record.file.tags.map((tag) => html`<option value=${tag}>${tag}</option>`)}
    </select>
  </label>`;
}

/** Plugins that this one names and that are not here. @param {{record: PluginRecord}} props */
function Missing({ record }) {
  const { plugins } = useApp();
  const missing = record.file.dependencies.filter((uri) => !plugins.get(nameIn(uri)));
  if (missing.length === 0) return null;
  return html`<p class="note">
    It uses other plugins that are not loaded: ${missing.map(nameIn).join(", ")}. Load them here before you run it.
  </p>`;
}

/** "owner/repo:Name@tag" names the plugin after the colon; an address ends in its file. @param {string} uri */
function nameIn(uri) {
  const last = /^https?:/i.test(uri)
    ? decodeURIComponent(uri.split("?")[0].split("/").at(-1) ?? uri).replace(/\.imjoy\.html.*$/, "")
    : (uri.split(":").at(-1) ?? uri);
  return last.split("@")[0].trim();
}
