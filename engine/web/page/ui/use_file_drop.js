/** Files dropped anywhere on the page go to the part that asked last: a dialog before the page. */

import { useEffect, useRef, useState } from "../../vendor/preact.js";

/** @type {{onFiles: (files: File[]) => void, show: (dropping: boolean) => void}[]} the last one gets them */
const takers = [];
let depth = 0;

/**
 * Take dropped files while the component is shown; return whether something hovers over the page.
 * @param {(files: File[]) => void} onFiles
 */
export function useFileDrop(onFiles) {
  const [dropping, setDropping] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const taker = { onFiles: (/** @type {File[]} */ files) => latest.current(files), show: setDropping };
    takers.push(taker);
    return () => void takers.splice(takers.indexOf(taker), 1);
  }, []);
  return dropping;
}

/** @param {DragEvent} event */
function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** @param {number} change */
function hover(change) {
  depth = Math.max(0, depth + change);
  takers.forEach((taker, at) => taker.show(depth > 0 && at === takers.length - 1));
}

if (typeof window !== "undefined") {
  window.addEventListener("dragenter", (event) => carriesFiles(event) && hover(1));
  window.addEventListener("dragleave", (event) => carriesFiles(event) && hover(-1));
  window.addEventListener("dragover", (event) => {
    // Without it the browser would leave the page to show the file.
    if (carriesFiles(event)) event.preventDefault();
  });
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    hover(-depth);
    takers.at(-1)?.onFiles([...(event.dataTransfer?.files ?? [])]);
  });
}
