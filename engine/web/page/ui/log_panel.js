/** The log of one plugin, live: what it prints, logs and raises. */

import { html, useEffect, useLayoutEffect, useRef } from "../../vendor/preact.js";
import { CopyButton } from "./copy_button.js";
import { useApp, useFocusBack, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { LogLine } from "./log_line.js";

const NEAR_END_PX = 40;

export function LogPanel() {
  const { logs } = useApp();
  const name = useObservable(logs.shown);
  return name === null ? null : html`<${OpenLog} key=${name} name=${name} />`;
}

/** @param {{name: string}} props */
function OpenLog({ name }) {
  const { logs } = useApp();
  const log = logs.of(name);
  const version = useObservable(log.version);
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const follows = useRef(true);
  useFocusBack();
  useLayoutEffect(() => {
    // Whoever scrolled up wants to read, not to be carried away.
    if (follows.current && list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [version]);
  useEffect(() => log.errors.set(0), [version]);
  useEffect(() => list.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape" && !document.querySelector("dialog[open]")) logs.shown.set(null);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  const onScroll = (/** @type {any} */ event) => {
    const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  return html`<aside class="log-panel" aria-label=${`Log of ${name}`}>
    <header class="log-head">
      <h2>${name}<span class="log-word">log</span></h2>
      <${CopyButton} text=${() => log.asText()} label="Copy" />
      <button class="button button-quiet" onClick=${() => log.clear()}>Clear</button>
      <button class="icon-button" aria-label="Close the log" onClick=${() => logs.shown.set(null)}>
        <${Icon} name="close" />
      </button>
    </header>
    <div class="log-lines" role="log" aria-live="off" tabindex="0" ref=${list} onScroll=${onScroll}>
      ${log.dropped > 0 && html`<p class="log-note">${log.dropped} earlier lines are not kept.</p>`}
      ${log.entries.length === 0 && html`<p class="log-note">Nothing yet. What the plugin prints appears here.</p>`}
      ${log.entries.map((entry) => html`<${LogLine} key=${entry.id} entry=${entry} />`)}
    </div>
  </aside>`;
}
