/** Copies a text and says so. */

import { html, useState } from "../../vendor/preact.js";
import { Icon } from "./icon.js";

const SAID_MS = 1500;

/** @param {{text: () => string, label: string}} props */
export function CopyButton({ text, label }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    setSaid((await copied(text())) ? "Copied" : "Select the text and copy it");
    setTimeout(() => setSaid(""), SAID_MS);
  };
  // What is said stands beside the button: its name must not be a message.
  return html`<button type="button" class="button button-quiet" onClick=${copy}>
      <${Icon} name=${said === "Copied" ? "check" : "copy"} size=${16} /> ${said || label}
    </button>
    <span class="only-heard" role="status">${said}</span>`;
}

/** The clipboard needs https or localhost; the old way works on any page. @param {string} text */
async function copied(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copiedByHand(text);
    }
  }
  return copiedByHand(text);
}

/** @param {string} text */
function copiedByHand(text) {
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
