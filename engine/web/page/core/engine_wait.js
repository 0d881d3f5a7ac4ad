/** Waits for the engine on behalf of a plugin that cannot start without it. */

/** @typedef {import("../app.js").Connection} Connection */

/** A page that was refused waits for a person, who is asked for the token. */
const COMING = new Set(["starting", "connecting", "refused"]);

/**
 * Return whether the engine is there: true as soon as it is, false when it stays away for
 * `patienceMs`, or when nobody wants to know any more.
 * @param {import("../state/observable.js").Observable<Connection>} connection
 * @param {{patienceMs: number, isWanted: () => boolean}} how `isWanted` is asked at every change
 * @returns {Promise<boolean>}
 */
export function engineComes(connection, { patienceMs, isWanted }) {
  return new Promise((resolve) => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const end = (/** @type {boolean} */ outcome) => {
      clearTimeout(timer);
      stopListening();
      resolve(outcome);
    };
    const look = () => {
      const { state } = connection.value;
      if (state === "online" || !isWanted()) return end(state === "online");
      if (COMING.has(state)) {
        clearTimeout(timer);
        timer = undefined;
      } else {
        timer ??= setTimeout(end, patienceMs, false);
      }
    };
    const stopListening = connection.subscribe(look);
    look();
  });
}
