/**
 * What goes wrong between page and engine, as sentences for people.
 *
 * What is not here: errors that a plugin's own code raises; `values.js` turns those into errors.
 */

const LAST_LINES = 8;
const MAX_SHORT_CHARS = 1000;

/**
 * An error of the link or the engine: `code` is stable, `hint` says what to do next, `logTail` is
 * what the failing tool printed, if anything. The message is the sentence and the hint.
 */
export class LinkError extends Error {
  /**
   * @param {string} sentence
   * @param {{code?: string, hint?: string, lines?: string[], logTail?: string, waitS?: number}} [more]
   *   `lines` follow the sentence in the message, each on a line of its own; `waitS`: asked again
   *   before, in seconds, the engine says the same
   */
  constructor(sentence, { code = "link-error", hint = "", lines = [], logTail = "", waitS = 0 } = {}) {
    super([[sentence, hint].filter(Boolean).join(" "), ...lines].join("\n"));
    this.name = "LinkError";
    this.sentence = sentence;
    this.code = code;
    this.hint = hint;
    this.logTail = logTail;
    this.waitS = waitS;
  }

  /** The core shows errors as text: people need the sentence, not the class. */
  toString() {
    return this.message;
  }
}

/**
 * Return the error that an ack or an event of the engine carries.
 * @param {unknown} said `{message | error, code, hint, log_tail}`
 * @param {string} fallback the sentence for when the engine gave none
 * @returns {LinkError}
 */
export function errorOf(said, fallback) {
  const fields = isRecord(said) ? said : {};
  return new LinkError(text(fields.message) || text(fields.error) || fallback, {
    code: text(fields.code) || "engine-error",
    hint: text(fields.hint),
    logTail: text(fields.log_tail),
    waitS: typeof fields.wait_s === "number" ? fields.wait_s : 0,
  });
}

/**
 * Return what callers of a plugin are told when its process is gone.
 * @param {string} name the plugin's
 * @param {Record<string, unknown>} report an `exit` event, or the `reason` of a `peer_gone` frame
 * @returns {LinkError}
 */
export function exitError(name, report) {
  // Who has stopped it needs no account of how it went.
  if (report.code === "plugin-stopped") return stoppedError(name);
  const printed = Array.isArray(report.last_lines) ? report.last_lines.map(String) : [];
  const words = text(report.words) || exitWords(report);
  const sentence = text(report.message) || `The plugin "${name}" has ended: ${words}.`;
  return new LinkError(sentence, {
    code: text(report.code) || "plugin-exited",
    hint: text(report.hint) || "Reload it to start it again.",
    lines: printed.length > 0 ? ["Its last lines:", ...printed.slice(-LAST_LINES)] : [],
    logTail: printed.join("\n"),
  });
}

/**
 * Return what callers of a plugin are told that a person has stopped.
 * @param {string} name the plugin's
 * @returns {LinkError}
 */
export function stoppedError(name) {
  return new LinkError(`The plugin "${name}" was stopped.`, {
    code: "plugin-stopped",
    hint: "Reload it to start it again.",
  });
}

/**
 * @param {Record<string, unknown>} report
 * @returns {string}
 */
function exitWords({ exit_code: exitCode, signal }) {
  if (typeof signal === "string" && signal) return `ended by ${signal}`;
  if (typeof exitCode === "number") return `exited with code ${exitCode}`;
  return "its process is gone";
}

/**
 * Return an Error whatever was thrown or rejected with; the core often throws texts.
 * @param {unknown} thrown
 * @returns {Error}
 */
export function asError(thrown) {
  if (thrown instanceof Error) return thrown;
  const error = new Error(String(thrown));
  error.stack = String(error); // where it became an error here is no trace of where it came from
  return error;
}

/**
 * Return what stands for an error that cannot be sent: the beginning of what it says.
 * @param {unknown} thrown
 * @returns {LinkError}
 */
export function unsendable(thrown) {
  let said = "";
  try {
    said = String(thrown).slice(0, MAX_SHORT_CHARS);
  } catch {
    // It cannot even say that.
  }
  return new LinkError(`An error that could not be sent: ${said}`, { code: "not-sent" });
}

/**
 * Return why a call cannot be sent, its arguments counted as people do.
 * @param {string} what the call
 * @param {Error & {code?: string}} error
 * @returns {LinkError}
 */
export function callNotSent(what, { message, code = "not-sent" }) {
  const place = /^key 'args', index (\d+)/;
  const why = message.replace(place, (_, index) => `argument ${Number(index) + 1}`);
  return new LinkError(`The call of ${what} could not be sent: ${why}`, { code });
}

/**
 * Return why a result cannot be sent.
 * @param {Error & {code?: string}} error
 * @returns {LinkError}
 */
export function resultNotSent({ message, code = "not-sent" }) {
  const why = message.replace(/^key 'args', index 0(: |, )/, "");
  return new LinkError(`The result could not be sent: ${why}`, { code });
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function text(value) {
  return typeof value === "string" ? value : "";
}
