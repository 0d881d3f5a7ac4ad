/** Every dialog that waits for the person, the last one in front. */

import { html } from "../../vendor/preact.js";
import { AskDialog } from "./ask_dialog.js";
import { ConsentDialog } from "./consent_dialog.js";
import { FileDialog } from "./files/file_dialog.js";
import { FormDialog } from "./form_dialog.js";
import { useApp, useObservable } from "./hooks.js";

/** @type {Record<string, any>} */
const COMPONENTS = {
  alert: AskDialog,
  prompt: AskDialog,
  confirm: AskDialog,
  consent: ConsentDialog,
  form: FormDialog,
  files: FileDialog,
};

export function DialogHost() {
  const open = useObservable(useApp().dialogs.open);
  return open.map((request) => html`<${COMPONENTS[request.kind]} key=${request.id} request=${request} />`);
}
