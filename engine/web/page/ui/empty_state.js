/** The page before the first plugin: what to do. */

import { html, useRef } from "../../vendor/preact.js";
import { AddPlugin } from "./add_plugin.js";
import { ElsewhereNote } from "./elsewhere_note.js";
import { useFocusBack } from "./hooks.js";
import { Refusals } from "./refusals.js";
import { RememberedNote } from "./remembered_note.js";

export function EmptyState() {
  const hadFocus = useRef(false);
  useFocusBack(() => (hadFocus.current ? document.querySelector(".plugins-head button") : null));
  return html`<main class="empty" onFocusIn=${() => (hadFocus.current = true)}>
    <div class="empty-words">
      <h2>Bring a plugin, and it runs here.</h2>
      <p>
        Python plugins run on this engine, each in its own process with its own environment. What they show appears on
        this page.
      </p>
    </div>
    <${RememberedNote} />
    <${ElsewhereNote} />
    <${Refusals} />
    <${AddPlugin} />
  </main>`;
}
