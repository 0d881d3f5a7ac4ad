/** The page's icons, drawn with lines in the colour of the text beside them. */

import { html } from "../../vendor/preact.js";

/** @type {Record<string, string>} path data on a 24 × 24 grid */
const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M7 7h10v10H7z",
  reload: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9M20 4v5h-5",
  trash: "M5 7h14M10 7V5h4v2M7 7l.8 12h8.4L17 7M10.5 11v5M13.500 11v5",
  log: "M5 6.5h14M5 12h14M5 17.500h9",
  book: "M12 6.500C10.500 5.400 8 5 4.500 5v13c3.500 0 6 .4 7.500 1.500 1.500-1.100 4-1.500 7.500-1.500V5C16 5 13.500 5.400 12 6.500zM12 6.500v13",
  edit: "M5 19l.8-3.800L15.600 5.400l3 3L8.800 18.200zM13.600 7.400l3 3",
  close: "M6.500 6.500l11 11M17.500 6.500l-11 11",
  plus: "M12 5.500v13M5.500 12h13",
  sun: "M12 8.200a3.800 3.800 0 1 0 0 7.600 3.800 3.800 0 0 0 0-7.600zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M18.400 5.600L17 7M7 17l-1.400 1.400",
  moon: "M19 14.200A7.500 7.500 0 0 1 9.800 5a7.500 7.500 0 1 0 9.200 9.200z",
  auto: "M12 4.500a7.500 7.500 0 1 0 0 15zM12 4.500a7.500 7.500 0 0 1 0 15",
  bell: "M6.500 16.500h11l-1.300-2.200V10.500a4.200 4.200 0 0 0-8.400 0v3.800zM10.300 19h3.400",
  engine: "M7 7h10v10H7zM10 10h4v4h-4zM9.500 4v3M14.500 4v3M9.500 17v3M14.500 17v3M4 9.500h3M4 14.500h3M17 9.500h3M17 14.500h3",
  folder: "M4 7.500V18h16V8.500h-8.500L9.500 6H4z",
  file: "M7 4h7l4 4v12H7zM14 4v4h4",
  up: "M12 19V6M6.500 11.500L12 6l5.500 5.500",
  upload: "M12 15.500V5M7.500 9L12 4.500 16.500 9M5 15.500V19h14v-3.500",
  download: "M12 4.500V15M7.500 11l4.500 4.500 4.500-4.500M5 15.500V19h14v-3.500",
  copy: "M9 9h10v10H9zM5 15V5h10",
  check: "M5.500 12.500l4.200 4.200L18.500 7.500",
  right: "M9.500 6l6 6-6 6",
  down: "M6 9.500l6 6 6-6",
  maximize: "M5 9.500V5h4.500M14.500 5H19v4.500M19 14.500V19h-4.500M9.500 19H5v-4.500",
  restore: "M9.500 5v4.500H5M19 9.500h-4.500V5M14.500 19v-4.500H19M5 14.500h4.500V19",
  window: "M4.500 6h15v12h-15zM4.500 9.500h15",
  warning: "M12 5l8 14H4zM12 10.500v4M12 16.800v.2",
  link: "M10 14l4-4M8.500 11.500l-2 2a3.200 3.200 0 0 0 4.500 4.500l2-2M15.500 12.500l2-2A3.200 3.200 0 0 0 13 6l-2 2",
  puzzle: "M9.500 6.500a2 2 0 1 1 4 0V8H18v4.300h-1.200a2 2 0 1 0 0 4H18V20H6V8h3.500z",
  image: "M4.500 6h15v12h-15zM4.500 15.500l4-4 4 4 2.500-2.500 4.500 4.500M15.500 9.500v.2",
  swap: "M5 9h13l-3-3M19 15H6l3 3",
  help: "M12 4.500a7.500 7.500 0 1 0 0 15 7.500 7.500 0 0 0 0-15zM9.800 10a2.200 2.200 0 1 1 3.200 2c-.7.400-1 .800-1 1.500M12 16v.2",
  paste: "M8 6H6v14h12V6h-2M9 4.500h6V8H9z",
  search: "M11 5.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11zM15 15l4.500 4.500",
};

const FILLED = new Set(["play", "stop"]);

/** @param {{name: string, size?: number}} props */
export function Icon({ name, size = 18 }) {
  return html`<svg
    class=${FILLED.has(name) ? "icon icon-filled" : "icon"}
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
  >
    <path d=${PATHS[name] ?? PATHS.puzzle} />
  </svg>`;
}

/** Whether there is an icon of that name. @param {string} name */
export function hasIcon(name) {
  return name in PATHS;
}
