/** A plugin's icon: an emoji, one of the page's icons, or its first letter. Nothing is fetched. */

import { html } from "../../vendor/preact.js";
import { hasIcon, Icon } from "./icon.js";

/** Names that plugins give, as the material icon font calls them, and what shows them here. */
const KNOWN = new Map([
  ["extension", ""],
  ["photo", "image"],
  ["image", "image"],
  ["tv", "window"],
  ["swap_horiz", "swap"],
  ["assistant", "log"],
  ["help_outline", ""],
  ["label", "log"],
]);

/** @param {{name: string, icon: string}} props */
export function PluginIcon({ name, icon }) {
  const hue = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  return html`<span class="plugin-icon" style=${{ "--hue": hue }} aria-hidden="true">
    ${pictureOf(name, icon)}
  </span>`;
}

/** @param {string} name @param {string} icon */
function pictureOf(name, icon) {
  const known = KNOWN.get(icon) ?? icon;
  if (known && hasIcon(known)) return html`<${Icon} name=${known} size=${20} />`;
  if (icon && /\p{Extended_Pictographic}/u.test(icon) && [...icon].length <= 4) return icon;
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}
