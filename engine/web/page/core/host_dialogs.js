/** alert, prompt, confirm and showDialog as the core's plugins call them. */

import { parseForm } from "../joy/form.js";

/** @typedef {import("./owners.js").CorePlugin} CorePlugin */
/** @typedef {import("../app.js").App} App */

const FORM_TYPES = ["joy", "imjoy/joy"];

/**
 * @param {App} app
 * @param {(plugin: CorePlugin, config: any, extra?: any) => Promise<any>} createWindow
 */
export function hostDialogs(app, createWindow) {
  const ask = (/** @type {string} */ kind, /** @type {CorePlugin} */ plugin, /** @type {any} */ props) =>
    app.dialogs.ask(kind, { from: app.ownerOf(plugin), ...props }, app.ownerOf(plugin));
  return {
    /** @param {CorePlugin} plugin @param {unknown} message */
    async alert(plugin, message) {
      // Closing it in any way is an answer.
      await ask("alert", plugin, wordsIn(message)).catch(() => undefined);
    },
    /** @param {CorePlugin} plugin @param {unknown} question @param {unknown} [start] */
    prompt(plugin, question, start) {
      const words = wordsIn(question);
      const value = String(start ?? words.placeholder ?? "");
      return ask("prompt", plugin, { ...words, value }).catch(() => null);
    },
    /** @param {CorePlugin} plugin @param {unknown} question */
    confirm(plugin, question) {
      return ask("confirm", plugin, wordsIn(question)).catch(() => false);
    },
    /** @param {CorePlugin} plugin @param {any} given @param {any} [extra] */
    async showDialog(plugin, given, extra) {
      const config = { ...(typeof given === "string" ? namedOrSource(given) : given), ...extra };
      if (!FORM_TYPES.includes(config.type) && (config.type || config.src || !config.ui)) {
        return createWindow(plugin, config, { dialog: true });
      }
      const form = parseForm(config.ui);
      return ask("form", plugin, { title: config.name ?? config.title, form, values: config.data ?? {} });
    },
  };
}

/** A message is a text or {content, title, placeholder}. @param {unknown} message */
function wordsIn(message) {
  if (typeof message === "object" && message !== null && "content" in message) {
    const { content, title, placeholder } = /** @type {Record<string, unknown>} */ (message);
    return { content: String(content ?? ""), title: title ? String(title) : "", placeholder };
  }
  return { content: String(message ?? ""), title: "", placeholder: undefined };
}

/** @param {string} text */
export function namedOrSource(text) {
  const isSource = text.includes("\n") || /https?:\/\//i.test(text) || (text.includes("/") && text.includes(":"));
  return isSource ? { src: text } : { type: text };
}
