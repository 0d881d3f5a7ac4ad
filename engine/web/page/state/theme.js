/** Light, dark, or as the system says. */

import { Observable } from "./observable.js";

/** @typedef {"system" | "light" | "dark"} Theme */

const KEY = "imjoy-engine-theme";
/** @type {Theme[]} */
const THEMES = ["system", "light", "dark"];

/** @type {Observable<Theme>} */
export const theme = new Observable(stored());

/** Go to the next theme and remember it. */
export function nextTheme() {
  theme.set(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]);
  localStorage.setItem(KEY, theme.value);
  applyTheme();
}

/** Make the page look as the theme says. */
export function applyTheme() {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

/** @returns {Theme} */
function stored() {
  const word = globalThis.localStorage?.getItem(KEY);
  return THEMES.find((known) => known === word) ?? "system";
}
