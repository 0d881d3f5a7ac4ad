/** imjoy/image and imjoy/image-compare: pictures at `data.src`, or `data.first` and `data.second`. */

import { html, useEffect, useState } from "../../../vendor/preact.js";
import { isElsewhere } from "../html_text.js";

/** @typedef {import("../../state/windows.js").CoreWindow} CoreWindow */

/** @param {{window: CoreWindow}} props */
export function ImageWindow({ window }) {
  return html`<${Picture} source=${window.data?.src} name=${window.name} />`;
}

/** @param {{window: CoreWindow}} props */
export function CompareWindow({ window }) {
  const [at, setAt] = useState(Number(window.data?.offset) || 50);
  const { first, second } = window.data ?? {};
  if (!first || !second) return html`<p class="window-empty">Two pictures are needed to compare them.</p>`;
  return html`<div class="compare" style=${{ "--at": `${at}%` }}>
    <${Picture} source=${second} name=${`${window.name}, second`} />
    <div class="compare-first"><${Picture} source=${first} name=${`${window.name}, first`} /></div>
    <input
      type="range"
      class="compare-handle"
      aria-label="How much of the first picture is shown"
      min="0"
      max="100"
      step="0.5"
      value=${at}
      onInput=${(/** @type {any} */ event) => setAt(event.currentTarget.valueAsNumber)}
    />
  </div>`;
}

/** @param {{source: unknown, name: string}} props */
function Picture({ source, name }) {
  const [broken, setBroken] = useState(false);
  const address = useAddress(source);
  useEffect(() => setBroken(false), [address]);
  if (!address) return html`<p class="window-empty">There is no picture to show.</p>`;
  if (isElsewhere(address)) {
    return html`<p class="window-empty">
      This picture is on another site, and the page fetches nothing from there by itself.${" "}
      <a href=${address} target="_blank" rel="noopener noreferrer">Open it in a new tab</a>
    </p>`;
  }
  if (broken) return html`<p class="window-empty">The picture cannot be read.</p>`;
  return html`<img class="picture" src=${address} alt=${name} onError=${() => setBroken(true)} />`;
}

/** Bytes get an address for as long as they are shown. @param {unknown} source */
function useAddress(source) {
  const [made, setMade] = useState("");
  const isBytes = source instanceof ArrayBuffer || source instanceof Blob || ArrayBuffer.isView(source);
  useEffect(() => {
    if (!isBytes) return undefined;
    const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (source)]));
    setMade(url);
    return () => URL.revokeObjectURL(url);
  }, [source]);
  if (isBytes) return made;
  return typeof source === "string" ? source : "";
}
