/** Puts the engine's questions about a plugin's commands to the person, and takes the answer back. */

import { wordsOf } from "../text/errors.js";

/** @typedef {import("../app.js").App} App */

export class Consents {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** What is asked, by the engine's name for it. @type {Map<string, number>} */
    this.open = new Map();
  }

  /** Take note of a plugin's event that asks, or says that nobody need answer any more. @param {any} event */
  hear(event) {
    if (event.event === "consent") void this.ask(event);
    if (event.event === "consent_settled") this.settle(String(event.question));
  }

  /** @param {any} event */
  async ask({ id, name, question, commands }) {
    const { dialogs, link, messages } = this.app;
    if (this.open.has(question)) return;
    const asked = dialogs.ask("consent", { from: name, commands }, name);
    this.open.set(question, dialogs.open.value.at(-1)?.id ?? 0);
    try {
      const allow = await asked.catch(() => null);
      // Withdrawn: somebody else has answered, or the plugin is gone.
      if (allow !== null) await link.answerConsent(id, question, allow);
    } catch (error) {
      messages.show(`${name}: ${wordsOf(error)}`, { kind: "error" });
    } finally {
      this.open.delete(question);
    }
  }

  /** @param {string} question */
  settle(question) {
    const id = this.open.get(question);
    for (const dialog of this.app.dialogs.open.value) if (dialog.id === id) dialog.cancel();
  }
}
