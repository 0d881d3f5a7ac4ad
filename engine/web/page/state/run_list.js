/** What the page knows of runs, and how they look in words. Pure: no I/O, no clock. */

import { formatDuration } from "../text/format.js";

/** @typedef {import("../../link/run_records.js").RunRecord} RunRecord */

const SHOWN = 8;

/** Return the runs with one added or changed; one that is over stays so. @param {Map<string, RunRecord>} runs @param {RunRecord} run */
export function withRun(runs, run) {
  const known = runs.get(run.id);
  if (known && known.state !== "running" && run.state === "running") return runs;
  return new Map(runs).set(run.id, run);
}

/** Return the last runs of a plugin, the latest first. @param {Map<string, RunRecord>} runs @param {string} name @param {string} tag */
export function runsOf(runs, name, tag) {
  const own = [...runs.values()].filter((run) => run.plugin === name && run.tag === tag);
  return own.sort((one, other) => other.started - one.started).slice(0, SHOWN);
}

/** Whether a run that is over has something to show: a result, or what it raised. @param {RunRecord} run */
export function hasAnswer({ state, size_bytes }) {
  return state !== "running" && state !== "cancelled" && size_bytes !== null;
}

/** Whether a run was cancelled and its function has not ended yet. @param {Pick<RunRecord, "state" | "unwanted">} run */
export function isCancelling({ state, unwanted }) {
  return state === "running" && Boolean(unwanted);
}

/** What a person can do of a function that computes on. */
export const CANCELLING = "Cancelling… It computes on until it looks up; stop the plugin to end it now.";

/** Return how a run stands, in words. @param {RunRecord} run @param {number} now in seconds */
export function runWords({ state, started, ended, progress, status, error, unwanted }, now) {
  const took = formatDuration((ended ?? now) - started);
  if (isCancelling({ state, unwanted })) return `Cancelling… Running for ${took}`;
  if (state === "running") {
    const far = progress === null ? "" : ` ${Math.round(percent(progress))} %`;
    return [`Running for ${took}${far}`, status].filter(Boolean).join(": ");
  }
  if (state === "done") return `Finished in ${took}`;
  if (state === "cancelled" || error?.code === "plugin-stopped") return `Cancelled after ${took}`;
  return state === "failed" ? `Failed after ${took}` : "Lost with the engine";
}

/** The number that a plugin gives for its progress, as ImJoy reads it. @param {number} progress */
export function percent(progress) {
  return Math.min(100, Math.max(0, progress < 1 ? progress * 100 : progress));
}
