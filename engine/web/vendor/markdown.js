/** Markdown to HTML, and HTML made harmless, bundled once. */
export { marked } from "marked";
export { default as DOMPurify } from "dompurify";
