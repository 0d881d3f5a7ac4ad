/**
 * The lines of a plugin's log, bounded. Pure: what a terminal would show, as a list.
 *
 * A carriage return goes back to the start of the line, so that a progress bar printed by a plugin
 * is one line here too.
 */

import { formatBytes } from "../text/format.js";

/**
 * @typedef {object} LogEntry
 * @property {number} id
 * @property {number} time in milliseconds
 * @property {"stdout" | "stderr" | "info" | "error" | "image" | "progress" | "note"} kind
 * @property {string} text
 * @property {boolean} open the line has no end yet
 * @property {BuildStep} [step] of which the entry tells
 */

/**
 * @typedef {object} BuildStep a step of making an environment, as the engine tells of it
 * @property {string} phase
 * @property {string} [item]
 * @property {number | null} [total]
 * @property {string} [unit]
 * @property {string} message
 */

export const MAX_ENTRIES = 2000;
/** When these begin, everything has been downloaded. */
const AFTER_DOWNLOAD = new Set(["link", "verify"]);
const MAX_LINE_CHARS = 20_000;
const SAME_TIME_MS = 2500;

export class LogEntries {
  constructor() {
    /** @type {LogEntry[]} */
    this.entries = [];
    this.dropped = 0;
    this.nextId = 1;
  }

  /** Append one complete entry. @param {LogEntry["kind"]} kind @param {string} text @param {number} time */
  add(kind, text, time) {
    this.push({ kind, text: shorten(text), time, open: false });
  }

  /**
   * Append what a plugin wrote to a stream; a line may come in pieces.
   * @param {"stdout" | "stderr"} stream @param {string} text @param {number} time
   */
  write(stream, text, time) {
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      const last = index === lines.length - 1;
      if (last && line === "") return;
      this.writeLine(stream, line, time, last);
    });
  }

  /**
   * Put in its place what a plugin is said to have printed, as far as it is not here: some of it may
   * have come before the page lost the engine, some since it is back.
   * @param {{text: string, time: number}[]} parts
   */
  recall(parts) {
    const told = new LogEntries();
    for (const { text, time } of parts) told.write("stdout", text, time);
    const earlier = this.entries;
    this.entries = [];
    let at = 0;
    for (const { id: _, ...line } of told.entries) {
      const known = earlier.findIndex((entry, index) => index >= at && isSameLine(entry, line));
      const isNew = known < 0;
      const isBefore = (/** @type {LogEntry} */ entry) => entry.time <= line.time;
      while (at < earlier.length && (isNew ? isBefore(earlier[at]) : at <= known)) this.entries.push(earlier[at++]);
      if (isNew) this.entries.push({ ...line, id: this.nextId++ });
    }
    this.entries.push(...earlier.slice(at));
    this.trim();
  }

  /**
   * Tell of a step. What the engine says of one phase, many times a second, is one line, which says
   * in the end how the phase ended; each package that is built has a line of its own.
   * @param {BuildStep} step @param {number} time
   */
  step(step, time) {
    const last = this.entries.at(-1);
    if (last?.step && isSameStep(last.step, step)) {
      this.entries[this.entries.length - 1] = { ...last, text: shorten(step.message), step };
      return;
    }
    if (last?.step?.phase === "download" && last.step.unit === "bytes" && AFTER_DOWNLOAD.has(step.phase)) {
      const text = `Downloaded ${formatBytes(last.step.total ?? 0)}`;
      this.entries[this.entries.length - 1] = { ...last, text };
    }
    this.push({ kind: "note", text: shorten(step.message), time, open: false, step });
  }

  clear() {
    this.entries = [];
    this.dropped = 0;
  }

  /** Return the log as it is copied. */
  asText() {
    return this.entries.map((entry) => entry.text).join("\n");
  }

  /** @param {"stdout" | "stderr"} stream @param {string} line @param {number} time @param {boolean} open */
  writeLine(stream, line, time, open) {
    const at = this.entries.findLastIndex((entry) => entry.kind === stream && entry.open);
    const before = at < 0 ? "" : this.entries[at].text;
    const text = shorten(lastWritten(before + line));
    if (at < 0) this.push({ kind: stream, text, time, open });
    else this.entries[at] = { ...this.entries[at], text, time, open };
  }

  /** @param {Omit<LogEntry, "id">} entry */
  push(entry) {
    this.entries.push({ ...entry, id: this.nextId });
    this.nextId += 1;
    this.trim();
  }

  trim() {
    if (this.entries.length <= MAX_ENTRIES) return;
    // In blocks: dropping one by one would move the whole list at every line.
    const surplus = this.entries.length - MAX_ENTRIES + MAX_ENTRIES / 10;
    this.entries.splice(0, surplus);
    this.dropped += surplus;
  }
}

/**
 * Whether a line that has come is the one that is told again, in whose time only the second counts.
 * @param {LogEntry} entry @param {Omit<LogEntry, "id">} line
 */
function isSameLine({ kind, text, time }, line) {
  if (kind !== "stdout" && kind !== "stderr") return false;
  if (Math.abs(time - line.time) > SAME_TIME_MS) return false;
  return line.open ? text.startsWith(line.text) : text === line.text;
}

/** @param {BuildStep} one @param {BuildStep} other */
function isSameStep(one, other) {
  return one.phase === other.phase && (one.phase !== "build" || one.item === other.item);
}

/** A carriage return at the very end waits for what overwrites the line. @param {string} line */
function lastWritten(line) {
  const body = line.replace(/\r+$/, "");
  const end = line.length > body.length ? "\r" : "";
  return body.slice(body.lastIndexOf("\r") + 1) + end;
}

/** @param {string} text */
function shorten(text) {
  if (text.length <= MAX_LINE_CHARS) return text;
  return `${text.slice(0, MAX_LINE_CHARS)} … (${text.length - MAX_LINE_CHARS} more characters)`;
}
