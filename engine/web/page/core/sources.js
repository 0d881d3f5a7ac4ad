/** Gets the source of plugins from where people have it. */

import { MISSING_TYPES } from "../state/records.js";
import { wordsOf } from "../text/errors.js";

/** @typedef {import("../app.js").App} App */

const MAX_BYTES = 20_000_000;

/** Load dropped or chosen files. @param {App} app @param {File[]} files */
export async function readFiles(app, files) {
  for (const file of files) {
    if (file.size > MAX_BYTES) {
      app.plugins.refuse(tooBig(), file.name);
    } else {
      await app.runner?.load(await file.text(), { origin: file.name });
    }
  }
}

/** Load a plugin from an address that a person typed. @param {App} app @param {string} address */
export async function fetchPlugin(app, address) {
  const url = rawAddress(address);
  if (!URL.canParse(url, "http://engine/")) {
    const message = `"${address}" is no address of a file.`;
    app.plugins.refuse({ message, hint: "Give it as https://host/folder/name.imjoy.html.", line: null }, address);
    return;
  }
  try {
    await app.runner?.load(await fetchText(url), { origin: address });
  } catch (error) {
    // What a browser says of a server that is not there, or lets no other site read, is no reason.
    const why = error instanceof TypeError ? `nobody answers at ${url}, or it lets no other page read` : wordsOf(error);
    const message = `The plugin could not be fetched: ${why}.`;
    const hint = "If the address is right, download the file and drop it here.";
    app.plugins.refuse({ message, hint, line: null }, address);
  }
}

/** Load a template of the engine. @param {App} app @param {import("../app.js").Template} template */
export async function fetchTemplate(app, template) {
  const origin = `template ${template.name}`;
  const path = template.path.split("/").map(encodeURIComponent).join("/");
  try {
    await app.runner?.load(await fetchText(`/templates/${path}`), { origin });
  } catch (error) {
    const message = `The template could not be fetched: ${wordsOf(error)}.`;
    app.plugins.refuse({ message, hint: "Is the engine still running?", line: null }, origin);
  }
}

/** Read what templates of the engine can run here; none where there is no engine. @param {App} app */
export async function loadTemplates(app) {
  try {
    const response = await fetch("/api/templates");
    if (!response.ok) return;
    const list = await response.json();
    if (Array.isArray(list)) app.templates.set(list.filter(({ type }) => !MISSING_TYPES.includes(type)));
  } catch (error) {
    app.messages.show(`The list of templates is not available: ${wordsOf(error)}`, { quiet: true });
  }
}

/** GitHub's pages about a file are not the file. @param {string} address */
export function rawAddress(address) {
  const url = /^(\/|[a-z]+:\/\/)/i.test(address) ? address : `https://${address}`;
  return url.replace(/^https:\/\/github\.com\/([^/]+)\/([^/]+)\/(?:blob|raw)\//, "https://raw.githubusercontent.com/$1/$2/");
}

/** @param {string} url */
async function fetchText(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
  const text = await response.text();
  if (text.length > MAX_BYTES) throw new Error("it is too big to be a plugin");
  return text;
}

function tooBig() {
  return { message: "The file is too big to be a plugin.", hint: "Choose a .imjoy.html file.", line: null };
}
