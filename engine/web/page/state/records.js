/** What the page knows of one plugin, and how the engine's events change it. Pure: no I/O, no clock. */

import { explain } from "../text/errors.js";

/** @typedef {import("../plugin_file/check.js").PluginFile} PluginFile */

/**
 * What went wrong, for a person.
 * @typedef {object} Failure
 * @property {string} message
 * @property {string} hint
 * @property {string} logTail the last words of the tool or plugin that failed
 * @property {Remedy[]} [actions] what a person could try
 */

/**
 * A choice that could help when an environment cannot be made; `entry` says what a person enters.
 * @typedef {object} Remedy
 * @property {string} field
 * @property {string} label
 * @property {string} why
 * @property {unknown} value
 * @property {"" | "day" | "option" | "path"} entry
 * @property {string[]} options
 */

/**
 * One step of making an environment.
 * @typedef {object} Step
 * @property {string} phase
 * @property {string} item
 * @property {number} done
 * @property {number | null} total
 * @property {string} unit
 * @property {string} message
 * @property {number | null} remainingS until the end of the phase, in seconds
 */

/**
 * @typedef {object} Operation something that a plugin offers beside `run`
 * @property {string} name
 * @property {unknown} ui
 */

/**
 * A plugin whose process has crashed, and that the engine starts again.
 * @typedef {object} Restart
 * @property {string} id the plugin's, as the engine knows it
 * @property {number} at when, in milliseconds
 * @property {number} attempt
 * @property {number} of how many attempts there are
 */

/**
 * @typedef {object} PluginRecord
 * @property {string} name
 * @property {PluginFile} file
 * @property {string} origin where the source came from, in words
 * @property {string} state one of the engine's states
 * @property {string} detail
 * @property {number} since when the state began, in milliseconds
 * @property {number | null} preparedAt when the start began, in milliseconds
 * @property {Step | null} step
 * @property {string[]} finished what has been downloaded, built or linked, the latest last
 * @property {Failure | null} failure
 * @property {number} calls runs that a person started and that have not ended
 * @property {number} waiting those of them that were asked for while the engine was away
 * @property {boolean} canRun false once it is known that it has no function `run`
 * @property {boolean} busy the plugin is computing
 * @property {boolean} isCancellable a run can be given up while the plugin lives on
 * @property {number | null} bar the plugin's own progress, in percent
 * @property {Operation[]} operations
 * @property {Record<string, unknown>} values what is filled into its form
 * @property {Restart | null} restart when it starts again by itself, after a crash
 * @property {Record<string, unknown>} choices what a person decided about its environment
 * @property {string} outcome how the last run ended
 * @property {boolean} outcomeFailed
 */

/** The types of plugins that run on the engine. */
export const ENGINE_TYPES = ["native-python"];
/** The types of plugins that need what no engine carries yet: Pyodide. */
export const MISSING_TYPES = ["web-python"];
/** The origin of plugins that no person brought. */
export const BY_PLUGIN = "loaded by another plugin";
/** What a card says before the engine has been asked for its plugin. */
export const WAITING_FOR_ENGINE = "Waiting for the engine…";
const KEPT_ITEMS = 40;
const ENDED = new Set(["stopped", "failed"]);
const AFTER_FAILURE = new Set(["draining", "stopped"]);
const AWAY = new Set(["offline", "refused"]);
const STARTING = new Set(["new", "queued", "preparing", "starting", "backoff"]);

/**
 * Return the record of a plugin that begins to start.
 * @param {PluginFile} file @param {string} origin @param {number} now
 * @param {Record<string, unknown>} [values] @param {Record<string, unknown>} [choices]
 * @returns {PluginRecord}
 */
export function newRecord(file, origin, now, values = {}, choices = {}) {
  return {
    name: file.name,
    file,
    origin,
    state: "new",
    detail: "",
    since: now,
    preparedAt: now,
    step: null,
    finished: [],
    failure: null,
    calls: 0,
    waiting: 0,
    canRun: true,
    busy: false,
    isCancellable: false,
    bar: null,
    operations: [],
    values,
    restart: null,
    choices,
    outcome: "",
    outcomeFailed: false,
  };
}

/** Whether a plugin can be called. @param {PluginRecord} record */
export function isUp(record) {
  return !ENDED.has(record.state) && !STARTING.has(record.state) && record.state !== "draining";
}

/** Whether a plugin is on its way up. @param {PluginRecord} record */
export function isStarting(record) {
  return STARTING.has(record.state);
}

/** Whether nothing of a plugin runs. @param {PluginRecord} record */
export function hasEnded(record) {
  return ENDED.has(record.state);
}

/** Whether a person can have a plugin run, as far as is known. @param {PluginRecord} record */
export function isRunnable({ file, canRun }) {
  return file.runnable && file.type !== "collection" && canRun;
}

/**
 * Whether what is known of a plugin may be out of date: it is on the engine, which is away.
 * @param {PluginRecord} record @param {string} connection how the link to the engine stands
 */
export function isLastKnown(record, connection) {
  const isThere = ENGINE_TYPES.includes(record.file.type) && !hasEnded(record);
  return isThere && AWAY.has(connection) && record.detail !== WAITING_FOR_ENGINE;
}

/** @type {Record<string, string>} */
const STATE_WORDS = {
  new: "Starting",
  queued: "Waiting",
  preparing: "Building",
  starting: "Starting",
  ready: "Ready",
  draining: "Stopping",
  stopped: "Stopped",
  backoff: "Restarting",
  failed: "Failed",
};

/** Return what a plugin is doing, in a word or two. @param {PluginRecord} record */
export function statusWords({ state, calls, waiting, busy }) {
  if (state !== "ready") return STATE_WORDS[state] ?? state;
  const running = calls - waiting;
  if (waiting > 0) return running > 0 ? `${running} running, ${waiting} waiting` : "Waiting";
  if (running > 1) return `${running} running`;
  return running > 0 || busy ? "Running" : STATE_WORDS.ready;
}

/**
 * Return the record in another state.
 * @param {PluginRecord} record @param {string} state @param {number} now
 * @param {{detail?: string, failure?: Failure | null}} [more]
 * @returns {PluginRecord}
 */
export function enter(record, state, now, { detail = "", failure = null } = {}) {
  const next = { ...record, state, detail, failure, since: state === record.state ? record.since : now };
  const idle = { step: null, calls: 0, waiting: 0, isCancellable: false, busy: false, bar: null, operations: [] };
  if (ENDED.has(state)) return { ...next, restart: null, ...idle };
  if (STARTING.has(state)) return { ...next, preparedAt: record.preparedAt ?? now };
  return { ...next, restart: null, step: null, preparedAt: null };
}

/**
 * Return the record after one of the engine's plugin events.
 * @param {PluginRecord} record @param {Record<string, unknown>} event @param {number} now
 * @returns {PluginRecord}
 */
export function applyEvent(record, event, now) {
  if (event.event === "state") return applyState(record, event, now);
  if (event.event === "progress") return applyStep(record, stepOf(event));
  return record;
}

/** @param {PluginRecord} record @param {Record<string, unknown>} event @param {number} now */
function applyState(record, event, now) {
  const failure = failureOf(event.error);
  // A failure says more than the stop that follows it.
  if (record.state === "failed" && AFTER_FAILURE.has(text(event.state))) return record;
  const next = enter(record, text(event.state), now, { detail: text(event.detail), failure });
  if (event.state !== "backoff") return next;
  const restart = {
    id: text(event.id),
    at: now + count(event.wait_s) * 1000,
    attempt: count(event.attempt),
    of: count(event.of),
  };
  return { ...next, restart, calls: 0, waiting: 0, busy: false, bar: null, operations: [], preparedAt: now };
}

/** @param {PluginRecord} record @param {Step} step */
function applyStep(record, step) {
  const complete = step.item !== "" && step.total !== null && step.done >= step.total;
  const word = `${step.phase} ${step.item}`;
  const finished =
    complete && !record.finished.includes(word)
      ? [...record.finished, word].slice(-KEPT_ITEMS)
      : record.finished;
  return { ...record, step, finished };
}

/** Return the error of an event as a failure, or null. @param {unknown} error @returns {Failure | null} */
export function failureOf(error) {
  if (typeof error !== "object" || error === null) return null;
  const said = /** @type {Record<string, unknown>} */ (error);
  const { summary, story } = explain(text(said.sentence) || error);
  return {
    message: text(said.sentence) || text(said.message) ? summary : "The plugin failed without a word.",
    hint: text(said.hint),
    logTail: text(said.log_tail) || text(said.logTail) || (story.includes("\n") ? story : ""),
    ...(Array.isArray(said.actions) ? { actions: said.actions.filter(isRemedy) } : {}),
  };
}

/** @param {Record<string, unknown>} event @returns {Step} */
function stepOf(event) {
  return {
    phase: text(event.phase),
    item: text(event.item),
    done: typeof event.done === "number" ? event.done : 0,
    total: typeof event.total === "number" && event.total > 0 ? event.total : null,
    unit: text(event.unit),
    message: text(event.message),
    remainingS: typeof event.remaining_s === "number" ? event.remaining_s : null,
  };
}

/** @param {unknown} said @returns {said is Remedy} */
function isRemedy(said) {
  if (typeof said !== "object" || said === null) return false;
  const fields = /** @type {Record<string, unknown>} */ (said);
  return ["field", "label", "why"].every((name) => typeof fields[name] === "string") && Array.isArray(fields.options);
}

/** @param {unknown} value */
function count(value) {
  return typeof value === "number" ? value : 0;
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : "";
}
