/** What a person is asked before something is lost that nobody could bring back. */

import { ENGINE_TYPES } from "../state/records.js";

/** @typedef {import("../app.js").App} App */

/** Close windows; if text in one of them is not saved, only when the person says so. @param {App} app @param {import("../state/windows.js").CoreWindow[]} windows */
export async function closeWindows(app, windows) {
  const drafts = windows.filter((window) => window.isUnsaved);
  const title = drafts.length === 1 ? "Discard the changes?" : `Discard the changes in ${drafts.length} windows?`;
  const content = "What you have written there is not saved, and closing forgets it.";
  if (drafts.length > 0 && !(await agrees(app, { title, content, ok: "Discard" }))) return;
  for (const window of windows) void window.close();
}

/** Take a plugin off the page, when the person says so. @param {App} app @param {import("../state/records.js").PluginRecord} record */
export async function removePlugin(app, { name, file }) {
  const onEngine = ENGINE_TYPES.includes(file.type);
  const content =
    "It is stopped, and its source leaves this page: if you have no file of it, download it with Edit first." +
    (onEngine ? " Its environment stays in the engine's store, and loading it again is quick." : "");
  if (await agrees(app, { title: `Remove ${name}?`, content, ok: "Remove" })) await app.runner?.remove(name);
}

/** @param {App} app @param {{title: string, content: string, ok: string}} question */
async function agrees(app, question) {
  return app.dialogs.ask("confirm", question).catch(() => false);
}
