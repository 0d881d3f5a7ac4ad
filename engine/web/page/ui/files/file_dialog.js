/** The file dialog: folders and files of the registered file managers. */

import { html, useCallback, useEffect, useState } from "../../../vendor/preact.js";
import { wordsOf } from "../../text/errors.js";
import { useApp } from "../hooks.js";
import { Modal } from "../modal.js";
import { listFolder } from "./browse.js";
import { FileList } from "./file_list.js";
import { FilePath } from "./file_path.js";
import { FileTools } from "./file_tools.js";
import { urlOf } from "./transfer.js";

/** @typedef {import("../../state/dialogs.js").DialogRequest} DialogRequest */
/** @typedef {import("./browse.js").FileEntry} FileEntry */
/** @typedef {import("./browse.js").Listing} Listing */

/** @param {{request: DialogRequest}} props */
export function FileDialog({ request }) {
  const { title, from, managers, root, type, single } = request.props;
  const [manager, setManager] = useState(request.props.manager);
  const [listing, setListing] = useState(/** @type {Listing | null} */ (null));
  const [chosen, setChosen] = useState(/** @type {FileEntry[]} */ ([]));
  const [trouble, setTrouble] = useState("");
  const app = useApp();

  const open = useCallback(
    async (/** @type {string} */ path) => {
      try {
        setListing(await listFolder(manager, path));
        setChosen([]);
        setTrouble("");
      } catch (error) {
        setTrouble(wordsOf(error));
      }
    },
    [manager],
  );
  useEffect(() => void open(root), [open]);

  const answer = async (/** @type {FileEntry[]} */ entries) => {
    try {
      request.answer(await Promise.all(entries.map((entry) => describe(manager, entry))));
    } catch (error) {
      setTrouble(wordsOf(error));
    }
  };
  const activate = (/** @type {FileEntry} */ entry) =>
    entry.type === "dir" ? open(entry.path) : type !== "directory" && answer([entry]);
  const here = listing && { name: listing.path, path: listing.path, type: /** @type {const} */ ("dir"), size: null };
  const picked = chosen.filter((entry) => type === "any" || (entry.type === "dir") === (type === "directory"));
  const canTakeHere = type !== "file" && picked.length === 0 && here;

  return html`<${Modal}
    title=${title || TITLES.get(type) || "Choose files or folders"}
    from=${from}
    wide=${true}
    kind="modal-files"
    onClose=${request.cancel}
  >
    ${managers.length > 1 &&
    html`<select
      class="input"
      aria-label="File manager"
      value=${managers.indexOf(manager)}
      onChange=${(/** @type {any} */ event) => setManager(managers[Number(event.currentTarget.value)])}
    >
      ${managers.map((/** @type {any} */ one, /** @type {number} */ at) => html`<option value=${at}>${one.name}</option>`)}
    </select>`}
    ${listing && html`<${FilePath} listing=${listing} onOpen=${open} />`}
    ${trouble && html`<p class="note note-danger" role="alert">${trouble}</p>`}
    <${FileList}
      entries=${listing?.entries ?? null}
      chosen=${chosen}
      single=${single}
      onChoose=${setChosen}
      onActivate=${activate}
    />
    ${listing &&
    html`<${FileTools}
      app=${app}
      manager=${manager}
      listing=${listing}
      chosen=${chosen}
      onChanged=${() => open(listing.path)}
      onTrouble=${setTrouble}
    />`}
    <footer class="modal-foot">
      <button type="button" class="button" onClick=${request.cancel}>Cancel</button>
      <button
        type="button"
        class="button button-primary"
        disabled=${picked.length === 0 && !canTakeHere}
        onClick=${() => answer(picked.length > 0 ? picked : here ? [here] : [])}
      >
        ${canTakeHere ? "Choose this folder" : picked.length > 1 ? `Choose ${picked.length}` : "Choose"}
      </button>
    </footer>
  <//>`;
}

const TITLES = new Map([
  ["file", "Choose files"],
  ["directory", "Choose a folder"],
]);

/** @param {any} manager @param {FileEntry} entry */
async function describe(manager, { name, path, type }) {
  const chosen = { name, path, type, file_manager: manager.url };
  return type === "file" ? { ...chosen, url: await urlOf(manager, path) } : chosen;
}
