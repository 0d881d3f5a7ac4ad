/** HTML as plain words, for places that hold one line. */

const ENTITIES = new Map([
  ["&nbsp;", " "],
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&amp;", "&"],
]);

/** Return the words without tags, on one line. @param {string} html */
export function plainText(html) {
  return html
    .replace(/<\/?[a-z][^>]*>/gi, " ")
    .replace(/&(?:nbsp|lt|gt|quot|amp);/g, (entity) => ENTITIES.get(entity) ?? entity)
    .replace(/\s+/g, " ")
    .replace(/ ([.,;:!?])/g, "$1")
    .trim();
}

/** Return the words as a label: no colon at the end. @param {string} html */
export function labelOf(html) {
  return plainText(html).replace(/\s*[:=]$/, "");
}

/** Return plain text as HTML that shows it. @param {string} text */
export function asHtml(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
