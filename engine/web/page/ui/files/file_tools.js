/** Upload, download and delete in the file dialog. */

import { html, useRef, useState } from "../../../vendor/preact.js";
import { wordsOf } from "../../text/errors.js";
import { formatBytes, formatCount } from "../../text/format.js";
import { asHtml } from "../../text/plain.js";
import { Icon } from "../icon.js";
import { useFileDrop } from "../use_file_drop.js";
import { downloadFile, uploadFile } from "./transfer.js";

/** @typedef {import("./browse.js").FileEntry} FileEntry */

/**
 * @param {{app: import("../../app.js").App, manager: any, listing: import("./browse.js").Listing,
 *   chosen: FileEntry[], onChanged: () => void, onTrouble: (words: string) => void}} props
 */
export function FileTools({ app, manager, listing, chosen, onChanged, onTrouble }) {
  const [going, setGoing] = useState("");
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const attempt = async (/** @type {() => Promise<void>} */ work) => {
    try {
      onTrouble("");
      await work();
    } catch (error) {
      onTrouble(wordsOf(error));
    } finally {
      setGoing("");
    }
  };
  const upload = (/** @type {File[]} */ files) =>
    attempt(async () => {
      for (const file of files) {
        const show = (/** @type {number} */ sent) =>
          setGoing(`Uploading ${file.name}: ${formatBytes(sent)} of ${formatBytes(file.size)}`);
        show(0);
        await uploadFile(manager, listing, file, show);
      }
      onChanged();
    });
  const download = () =>
    attempt(async () => {
      for (const file of files) await downloadFile(manager, file);
    });
  const remove = () =>
    attempt(async () => {
      const what = chosen.length === 1 ? `“${asHtml(chosen[0].name)}”` : formatCount(chosen.length, "item");
      const more = chosen.some((entry) => entry.type === "dir") ? " Folders go with everything in them." : "";
      const content = `Delete ${what} from the engine's disk?${more}`;
      const sure = await app.dialogs.ask("confirm", { title: "Delete", content, ok: "Delete" }).catch(() => false);
      if (!sure) return;
      for (const entry of chosen) await manager.removeFile(entry.path, entry.type, entry.type === "dir");
      onChanged();
    });
  const dropping = useFileDrop(upload);
  const files = chosen.filter((entry) => entry.type === "file");
  return html`<div class=${`file-tools ${dropping ? "is-dropping" : ""}`}>
    <input
      ref=${picker}
      type="file"
      multiple
      hidden
      onChange=${(/** @type {any} */ event) => {
        upload([...event.currentTarget.files]);
        event.currentTarget.value = "";
      }}
    />
    <button type="button" class="button button-quiet" onClick=${() => picker.current?.click()}>
      <${Icon} name="upload" /> Upload
    </button>
    <button type="button" class="button button-quiet" disabled=${files.length === 0} onClick=${download}>
      <${Icon} name="download" /> Download
    </button>
    <button type="button" class="button button-quiet" disabled=${chosen.length === 0} onClick=${remove}>
      <${Icon} name="trash" /> Delete
    </button>
    <span class="file-going" role="status">${going || (dropping ? "Drop to upload here" : "")}</span>
  </div>`;
}
