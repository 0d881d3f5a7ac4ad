/**
 * The windows of plugins. They are never moved in the document: a frame that moves loads anew.
 */

import { html, useEffect, useRef } from "../../vendor/preact.js";
import { closeWindows } from "../core/asking.js";
import { useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { Modal } from "./modal.js";
import { useRedrawOnRefresh, WindowCard, WindowContent } from "./window_card.js";

/** @typedef {import("../state/windows.js").CoreWindow} CoreWindow */

export function WindowArea() {
  const { windows } = useApp();
  const list = useObservable(windows.list);
  const maximized = useObservable(windows.maximized);
  const cards = list.filter((window) => !window.dialog);
  const seen = cards.filter((window) => !window.closed);
  return html`<section class=${`window-area ${maximized ? "has-maximized" : ""}`} aria-label="Windows">
    ${seen.length > 1 && html`<${WindowTabs} windows=${seen} />`}
    ${seen.length === 0 &&
    html`<div class="window-none">
      <${Icon} name="window" size=${28} />
      <p>Windows that plugins open appear here.</p>
    </div>`}
    <div class=${seen.length === 1 ? "window-grid is-single" : "window-grid"}>${cards.map((window) => html`<${WindowCard} key=${window.id} window=${window} />`)}</div>
  </section>`;
}

/** @param {{windows: CoreWindow[]}} props */
function WindowTabs({ windows: cards }) {
  const app = useApp();
  const { windows } = app;
  const active = useObservable(windows.active);
  const tab = useObservable(app.tab);
  const nav = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    nav.current?.querySelector('[aria-current="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [active, tab]);
  return html`<nav class="window-tabs" aria-label="Open windows" ref=${nav}>
    ${cards.map(
      (window) =>
        html`<button
          class="window-tab"
          aria-current=${window.id === active}
          onClick=${() => windows.select(window)}
        >
          ${window.name}
        </button>`,
    )}
    <button class="window-tab window-tab-close" onClick=${() => void closeWindows(app, cards)}>
      Close all
    </button>
  </nav>`;
}

export function WindowDialogs() {
  const list = useObservable(useApp().windows.list);
  return list
    .filter((window) => window.dialog)
    .map((window) => html`<${WindowDialog} key=${window.id} window=${window} />`);
}

/** @param {{window: CoreWindow}} props */
function WindowDialog({ window }) {
  useRedrawOnRefresh(window);
  const kind = window.closed ? "modal-window is-closed" : "modal-window";
  return html`<${Modal} title=${window.name} wide=${true} kind=${kind} onClose=${() => void window.close()}>
    <div class="window-body"><${WindowContent} window=${window} /></div>
  <//>`;
}
