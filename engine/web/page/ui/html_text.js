/**
 * HTML and markdown that plugins bring, made harmless: no scripts, no forms, no styles that reach
 * outside, and nothing fetched from other origins.
 */

import { DOMPurify, marked } from "../../vendor/markdown.js";
import { html } from "../../vendor/preact.js";

const OPTIONS = { FORBID_TAGS: ["style", "form", "input", "button", "iframe"], ADD_ATTR: ["target"] };

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node instanceof HTMLAnchorElement) {
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  }
  if (node instanceof HTMLImageElement && isElsewhere(node.src)) {
    node.replaceWith(`[image on another site: ${node.alt || node.src}]`);
  }
});

/** Show text that may hold HTML. @param {{text: string, class?: string}} props */
export function HtmlText({ text, class: className = "" }) {
  const clean = DOMPurify.sanitize(text, OPTIONS);
  return html`<div class=${`html-text ${className}`} dangerouslySetInnerHTML=${{ __html: clean }}></div>`;
}

/** Show markdown. @param {{text: string}} props */
export function Markdown({ text }) {
  const clean = DOMPurify.sanitize(marked.parse(text, { async: false, gfm: true }), OPTIONS);
  return html`<article class="prose" dangerouslySetInnerHTML=${{ __html: clean }}></article>`;
}

/** Whether an address would be fetched from another origin. @param {string} address */
export function isElsewhere(address) {
  try {
    const url = new URL(address, location.href);
    return /^https?:$/.test(url.protocol) && url.origin !== location.origin;
  } catch {
    return false;
  }
}
