/** The last runs of a plugin: how each stands, and its result. */

import { html, useState } from "../../vendor/preact.js";
import { hasAnswer, isCancelling, percent, runWords, runsOf } from "../state/run_list.js";
import { wordsOf } from "../text/errors.js";
import { formatMoment } from "../text/format.js";
import { FailureNote } from "./failure_note.js";
import { useApp, useObservable } from "./hooks.js";

/** @param {{name: string, tag: string}} props */
export function RunList({ name, tag }) {
  const app = useApp();
  const runs = runsOf(useObservable(app.runs), name, tag);
  if (runs.length === 0) return null;
  // Of several at once each has its own bar and its own words here.
  const areSeveral = runs.filter((run) => run.state === "running").length > 1;
  return html`<details class="runs" open=${areSeveral}>
    <summary>Runs</summary>
    <ul class="plain-list" aria-label=${`Runs of ${name}`}>
      ${runs.map((run) => html`<${RunRow} key=${run.id} run=${run} />`)}
    </ul>
  </details>`;
}

/** @param {{run: import("../../link/run_records.js").RunRecord}} props */
function RunRow({ run }) {
  const { link, messages, runWatch } = useApp();
  const [answer, setAnswer] = useState(/** @type {import("../core/run_watch.js").Answer | null} */ (null));
  const cancel = () =>
    link.runRecords.cancel(run.id).catch((/** @type {unknown} */ error) => messages.show(wordsOf(error), { kind: "error" }));
  const toggle = async () => setAnswer(answer ? null : await runWatch.show(run));
  const isOpen = run.state === "running";
  return html`<li class="run-row">
    <div class="list-row">
      <span>
        <span class="quiet">${formatMoment(run.started * 1000, Date.now())}</span> ${runWords(run, Date.now() / 1000)}
        ${isOpen &&
        run.progress !== null &&
        html`<progress class="bar" aria-label="Progress of the run" max="100" value=${percent(run.progress)}></progress>`}
      </span>
      ${isOpen &&
      !isCancelling(run) &&
      html`<button class="button button-small" onClick=${() => void cancel()}>Cancel</button>`}
      ${hasAnswer(run) &&
      html`<button class="button button-small" aria-expanded=${answer !== null} onClick=${() => void toggle()}>
        ${answer ? "Hide" : "Show"}
      </button>`}
    </div>
    ${answer && html`<${Answer} answer=${answer} />`}
  </li>`;
}

/** @param {{answer: import("../core/run_watch.js").Answer}} props */
function Answer({ answer: { words, failed, story } }) {
  if (!failed) return html`<p class="outcome" role="status">${words}</p>`;
  const failure = { message: words, hint: "", logTail: story.includes("\n") ? story : "" };
  return html`<${FailureNote} failure=${failure} title="Where it happened" />`;
}
