/** imjoy/generic: any value, as a tree. */

import { html } from "../../../vendor/preact.js";
import { ValueTree } from "../value_tree.js";

/** @param {{window: import("../../state/windows.js").CoreWindow}} props */
export function ObjectWindow({ window }) {
  return html`<div class="window-scroll"><${ValueTree} name="data" value=${window.data} open=${true} /></div>`;
}
