/** How far the start of a plugin is: phase, package, how much of it, how long already. */

import { html } from "../../vendor/preact.js";
import { formatBytes, formatDuration } from "../text/format.js";
import { useClock } from "./hooks.js";

/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */
/** @typedef {import("../state/records.js").Step} Step */

/** @type {[string, string][]} the engine's phases, in their order */
const PHASES = [
  ["resolve", "Resolve"],
  ["download", "Download"],
  ["build", "Build"],
  ["link", "Install"],
  ["command", "Commands"],
  ["verify", "Check"],
];
const SHOWN_ITEMS = 4;
const PATIENCE_MS = 15_000;
/** Phases that most environments do without are named only while they last. */
const RARE = new Set(["command"]);

/** @param {{record: PluginRecord}} props */
export function BuildProgress({ record }) {
  const now = useClock(true);
  if (record.state === "backoff" && record.restart) return html`<${Countdown} restart=${record.restart} now=${now} />`;
  const { step, preparedAt, finished } = record;
  const elapsed = formatDuration(Math.max(0, now - (preparedAt ?? now)) / 1000);
  const fraction = step?.total ? Math.min(1, step.done / step.total) : null;
  return html`<div class="build">
    ${step && html`<${Phases} phase=${step.phase} />`}
    <progress
      class="bar"
      aria-label="Progress of the start"
      max="1"
      value=${fraction ?? undefined}
    ></progress>
    <p class="build-line">
      <span class="build-what">${record.detail || (step ? wordsOfStep(step) : "Asking the engine…")}</span>
      <span class="build-time">${elapsed}${step && step.remainingS !== null && ` · about ${formatDuration(step.remainingS)} left`}</span>
    </p>
    ${record.state === "starting" &&
    now - record.since > PATIENCE_MS &&
    html`<p class="quiet">A plugin is ready once its script has called api.export and its setup has returned.</p>`}
    ${finished.length > 0 &&
    html`<ul class="build-done" aria-label="Done">
      ${finished.slice(-SHOWN_ITEMS).map((word) => html`<li>${word.slice(word.indexOf(" ") + 1)}</li>`)}
      ${finished.length > SHOWN_ITEMS && html`<li class="build-more">+${finished.length - SHOWN_ITEMS}</li>`}
    </ul>`}
  </div>`;
}

/** @param {{restart: import("../state/records.js").Restart, now: number}} props */
function Countdown({ restart, now }) {
  const leftS = Math.ceil(Math.max(0, restart.at - now) / 1000);
  const when = leftS > 0 ? `in ${leftS} s` : "now";
  return html`<p class="build-line" role="timer">
    <span class="build-what">Starts again ${when}, attempt ${restart.attempt} of ${restart.of}. Stop ends that.</span>
  </p>`;
}

/** @param {{phase: string}} props */
function Phases({ phase }) {
  const at = PHASES.findIndex(([name]) => name === phase);
  if (at < 0) return null;
  return html`<ol class="phases">
    ${PHASES.map(
      ([name, words], index) =>
        (!RARE.has(name) || name === phase) &&
        html`<li class=${index < at ? "is-done" : index === at ? "is-now" : ""} aria-current=${name === phase ? "step" : undefined}>
          ${words}
        </li>`,
    )}
  </ol>`;
}

/** @param {Step} step */
export function wordsOfStep(step) {
  if (step.message) return step.message;
  const what = [PHASES.find(([name]) => name === step.phase)?.[1] ?? step.phase, step.item].join(" ").trim();
  if (step.unit === "bytes" && step.total) return `${what} · ${formatBytes(step.done)} of ${formatBytes(step.total)}`;
  if (step.unit === "bytes" && step.done > 0) return `${what} · ${formatBytes(step.done)}`;
  if (step.total) return `${what} · ${step.done} of ${step.total} ${step.unit}`.trim();
  return what;
}
