/** The whole page. */

import { html, useEffect } from "../../vendor/preact.js";
import { readFiles } from "../core/sources.js";
import { AddPlugin } from "./add_plugin.js";
import { ConnectionBanner } from "./connection_banner.js";
import { DialogHost } from "./dialog_host.js";
import { ElsewhereNote } from "./elsewhere_note.js";
import { EmptyState } from "./empty_state.js";
import { EnginePanel } from "./engine_panel.js";
import { Header } from "./header.js";
import { AppContext, useApp, useObservable } from "./hooks.js";
import { Icon } from "./icon.js";
import { LogPanel } from "./log_panel.js";
import { MessagesPanel } from "./messages_panel.js";
import { Modal } from "./modal.js";
import { PluginList } from "./plugin_list.js";
import { RememberedNote } from "./remembered_note.js";
import { Toasts } from "./toasts.js";
import { useFileDrop } from "./use_file_drop.js";
import { useShortcuts } from "./use_shortcuts.js";
import { WindowArea, WindowDialogs } from "./window_area.js";

const COMING = new Set(["starting", "connecting"]);

/** @param {{app: import("../app.js").App}} props */
export function Page({ app }) {
  return html`<${AppContext.Provider} value=${app}>
    <${Header} />
    <${ConnectionBanner} />
    <${Main} />
    <${Panels} />
    <${WindowDialogs} />
    <${DialogHost} />
    <${Toasts} />
    <${DropOverlay} />
  <//>`;
}

function Main() {
  const app = useApp();
  const records = useObservable(app.plugins.records);
  const windows = useObservable(app.windows.list);
  const tab = useObservable(app.tab);
  useShortcuts(app);
  const seen = windows.filter((window) => !window.dialog && !window.closed).length;
  useEffect(() => {
    // A new window is what a person on a small screen waits for.
    if (seen > 0) app.tab.set("windows");
  }, [seen]);
  const isComing = COMING.has(useObservable(app.connection).state) && app.before.length > 0;
  if (records.size === 0 && seen === 0) return isComing ? html`<${ComingBack} />` : html`<${EmptyState} />`;
  return html`<main class="work" data-tab=${tab}>
    <nav class="work-tabs" aria-label="Views">
      <button aria-current=${tab === "plugins"} onClick=${() => app.tab.set("plugins")}>Plugins</button>
      <button aria-current=${tab === "windows"} onClick=${() => app.tab.set("windows")}>
        Windows ${seen > 0 ? `(${seen})` : ""}
      </button>
    </nav>
    <div class="work-side">
      <${RememberedNote} />
      <${ElsewhereNote} />
      <${PluginList} />
    </div>
    <div class="work-main">
      <${WindowArea} />
      <${LogPanel} />
    </div>
  </main>`;
}

/** What a page that is loaded anew shows until its plugins are there: not the page of a first visit. */
function ComingBack() {
  return html`<main class="work" data-tab="plugins">
    <div class="work-side">
      <h2>Plugins</h2>
      <p class="quiet" role="status">Bringing back what was here…</p>
    </div>
    <div class="work-main"></div>
  </main>`;
}

function Panels() {
  const { panel } = useApp();
  const open = useObservable(panel);
  if (open === "engine") return html`<${EnginePanel} />`;
  if (open === "messages") return html`<${MessagesPanel} />`;
  if (open !== "add") return null;
  const close = () => panel.set("");
  return html`<${Modal} title="Add a plugin" wide=${true} onClose=${close}>
    <${AddPlugin} onDone=${close} />
  <//>`;
}

function DropOverlay() {
  const app = useApp();
  const dropping = useFileDrop((files) => {
    app.panel.set("");
    void readFiles(app, files);
  });
  if (!dropping) return null;
  return html`<div class="drop-overlay" aria-hidden="true">
    <div><${Icon} name="upload" size=${34} /><p>Drop to load the plugin</p></div>
  </div>`;
}
