/** One window: its title bar, and the element that the core or a built-in type fills. */

import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { closeWindows } from "../core/asking.js";
import { useApp, useFocusBack, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { BUILT_IN_WINDOWS } from "./windows/registry.js";

/** @typedef {import("../state/windows.js").CoreWindow} CoreWindow */

const CELL_PX = 30;
const HEAD_PX = 42;
const MIN_HEIGHT_CELLS = 9;
/** The core gives it to windows that ask for no width. */
const DEFAULT_WIDTH_CELLS = 20;

/** @param {{window: CoreWindow}} props */
export function WindowCard({ window }) {
  const app = useApp();
  const { windows } = app;
  const tab = useObservable(app.tab);
  const active = useObservable(windows.active) === window.id;
  const maximized = useObservable(windows.maximized) === window.id;
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  useRedrawOnRefresh(window);
  useTellSize(window, body);
  useFocusBack();
  useEffect(() => {
    // On a small screen it is there to be scrolled to only when its tab shows.
    if (active) body.current?.closest(".window")?.scrollIntoView({ block: "nearest" });
  }, [active, tab]);

  const height = Math.max(MIN_HEIGHT_CELLS, Number(window.h) || 0) * CELL_PX + HEAD_PX;
  const classes = ["window", active && "is-active", maximized && "is-maximized", Number(window.w) > DEFAULT_WIDTH_CELLS && "is-wide"];
  return html`<section
    class=${classes.filter(Boolean).join(" ")}
    hidden=${window.closed === true}
    aria-label=${window.name}
    style=${{ "--window-height": `${height}px` }}
    onMouseDown=${() => windows.active.set(window.id)}
    onFocusIn=${() => windows.active.set(window.id)}
  >
    <header class="window-head" onDblClick=${() => windows.toggleMaximized(window)}>
      <h3 class="window-title">${window.name}</h3>
      <button
        class="icon-button"
        aria-label=${maximized ? "Restore the window" : "Maximize the window"}
        onClick=${() => windows.toggleMaximized(window)}
      >
        <${Icon} name=${maximized ? "restore" : "maximize"} size=${16} />
      </button>
      <button class="icon-button" aria-label=${`Close ${window.name}`} onClick=${() => void closeWindows(app, [window])}>
        <${Icon} name="close" size=${16} />
      </button>
    </header>
    <div class="window-body" tabindex="-1" ref=${body}><${WindowContent} window=${window} /></div>
  </section>`;
}

/** @param {{window: CoreWindow}} props */
export function WindowContent({ window }) {
  const BuiltIn = BUILT_IN_WINDOWS.get(window.type);
  useEffect(() => {
    // The core waits for it before it hands the window to the plugin.
    if (BuiltIn) window.api.emit("ready");
  }, []);
  return html`
    <div id=${window.window_id} class="window-frame" hidden=${BuiltIn !== undefined}></div>
    ${BuiltIn && html`<${BuiltIn} window=${window} />`}
  `;
}

/** @param {CoreWindow} window */
export function useRedrawOnRefresh(window) {
  const [, redraw] = useState({});
  useEffect(() => {
    const callback = () => redraw({});
    window._refresh_callbacks.push(callback);
    return () => void window._refresh_callbacks.splice(window._refresh_callbacks.indexOf(callback), 1);
  }, [window]);
}

/** @param {CoreWindow} window @param {{current: HTMLElement | null}} body */
function useTellSize(window, body) {
  useEffect(() => {
    const element = body.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(([entry]) => window.api.emit("resize", plain(entry.contentRect)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [window]);
}

/** A DOMRect does not survive the way to a plugin. @param {DOMRectReadOnly} rect */
function plain({ x, y, width, height }) {
  return { x, y, width, height, top: y, left: x, right: x + width, bottom: y + height };
}
