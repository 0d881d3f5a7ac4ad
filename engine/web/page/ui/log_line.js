/** One entry of a log. */

import { Component, html } from "../../vendor/preact.js";
import { formatMoment, percentOf } from "../text/format.js";
import { isElsewhere } from "./html_text.js";

/** @typedef {import("../state/log_entries.js").LogEntry} LogEntry */

/** Long logs change at their end: the other lines are not drawn again. */
export class LogLine extends Component {
  /** @override @param {any} next */
  shouldComponentUpdate(next) {
    return next.entry !== /** @type {any} */ (this.props).entry;
  }

  /** @override */
  render() {
    const { entry } = /** @type {{entry: LogEntry}} */ (/** @type {unknown} */ (this.props));
    return html`<div class=${`log-line log-${entry.kind}`}>
      <time class="log-time" title=${new Date(entry.time).toLocaleString()}>${formatMoment(entry.time, Date.now())}</time>
      <div class="log-text">${contentOf(entry)}</div>
    </div>`;
  }
}

/** @param {LogEntry} entry */
function contentOf({ kind, text }) {
  if (kind === "image" && !isElsewhere(text)) return html`<img class="log-picture" src=${text} alt="Picture in the log" />`;
  if (kind === "progress") {
    return html`<progress class="bar" max="100" value=${percentOf(text) ?? 0} aria-label="Progress"></progress>`;
  }
  return text.replace(/\r$/, "");
}
