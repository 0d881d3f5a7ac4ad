/** Keys that work anywhere but in a field: A adds a plugin, E the engine, M the messages. */

import { useEffect } from "../../vendor/preact.js";

/** @param {import("../app.js").App} app */
export function useShortcuts(app) {
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      const panel = PANELS.get(event.key.toLowerCase());
      if (!panel) return;
      event.preventDefault();
      app.panel.set(app.panel.value === panel ? "" : panel);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [app]);
}

const PANELS = new Map(
  /** @type {[string, "add" | "engine" | "messages"][]} */ ([
    ["a", "add"],
    ["e", "engine"],
    ["m", "messages"],
  ]),
);

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
