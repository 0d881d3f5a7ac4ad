/** What a plugin is doing, in a word and a dot. */

import { html } from "../../vendor/preact.js";
import { isLastKnown, isStarting, statusWords } from "../state/records.js";
import { useApp, useObservable } from "./hooks.js";

/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */

/** @param {PluginRecord} record @returns {string} a class of colours */
function toneOf(record) {
  if (record.state === "failed") return "danger";
  if (record.state === "stopped") return "quiet";
  if (isStarting(record) || record.state === "draining") return "wait";
  return record.calls > 0 || record.busy ? "busy" : "good";
}

/** @param {{record: PluginRecord}} props */
export function PluginStatus({ record }) {
  const { connection } = useApp();
  const isOld = isLastKnown(record, useObservable(connection).state);
  return html`<span class=${`status status-${isOld ? "quiet" : toneOf(record)}`} role="status">
    <span class="status-dot" aria-hidden="true"></span>${statusWords(record)}
  </span>`;
}
