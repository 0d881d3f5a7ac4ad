/**
 * The engine's token: it comes in the address, after `#`, so that no server ever sees it there, and
 * is taken out at once, so that nobody reads it over a shoulder or in a bookmark.
 */

const KEY = "imjoy-engine-token";

/** Return the token of the address or of this tab, and hide it. */
export function takeToken() {
  const found = /(?:^#|[#&])token=([^&]*)/.exec(location.hash);
  if (!found) return sessionStorage.getItem(KEY) ?? "";
  const token = decodeURIComponent(found[1]);
  keepToken(token);
  history.replaceState(null, "", location.pathname + location.search);
  return token;
}

/** Call `use` with the token when another link of the engine is opened in this tab. @param {(token: string) => void} use */
export function onNewToken(use) {
  // Only what follows the # changes, so the browser does not load the page anew.
  window.addEventListener("hashchange", () => {
    if (location.hash.includes("token=")) use(takeToken());
  });
}

/** Remember the token for as long as the tab lives. @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}
