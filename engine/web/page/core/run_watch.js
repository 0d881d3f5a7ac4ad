/**
 * Follows the runs of plugins that this page did not begin itself, or began before it was loaded
 * anew: their end stands on the card as if it had.
 */

import { explain, wordsOf } from "../text/errors.js";
import { formatDuration, timeOf } from "../text/format.js";
import { ENGINE_TYPES } from "../state/records.js";
import { runsOf, withRun } from "../state/run_list.js";
import { calmEnd, resultWords } from "./outcomes.js";

/** @typedef {import("../app.js").App} App */
/** @typedef {import("../state/records.js").PluginRecord} PluginRecord */
/** @typedef {import("../../link/run_records.js").RunRecord} RunRecord */

/**
 * How a run has ended: in a line, in full where it failed, and what it returned.
 * @typedef {{words: string, failed: boolean, story: string, result?: unknown}} Answer
 */

const MAX_FETCHED_BYTES = 64_000_000;
/** For a sentence on the card of every plugin of a page that is loaded anew. */
const MAX_RECALLED_BYTES = 256 * 1024;

export class RunWatch {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** Runs whose end will stand on a card. @type {Set<string>} */
    this.followed = new Set();
  }

  /** Take in what the engine says of a run. @param {RunRecord} run */
  onRun(run) {
    this.app.runs.update((runs) => withRun(runs, run));
    if (run.state !== "running") return void (this.followed.has(run.id) && this.ended(run));
    if (this.followed.has(run.id)) return this.showProgress(run);
    const { link } = this.app;
    // One that another page has begun, of a plugin that is here too.
    if (!link.runRecords.own.has(run.id) && link.runOf({ instance: run.instance })) this.follow(run);
  }

  /** @param {RunRecord} run one that is under way */
  showProgress({ plugin, progress, status }) {
    if (progress !== null) this.app.watcher?.setBar(plugin, progress);
    if (status) this.app.plugins.change(plugin, (old) => ({ ...old, outcome: status, outcomeFailed: false }));
  }

  /** Tell a plugin that nobody wants the runs that are followed. @param {string} name */
  cancel(name) {
    const { link, messages, runs } = this.app;
    for (const id of this.followed) {
      if (runs.value.get(id)?.plugin !== name) continue;
      link.runRecords
        .cancel(id)
        .catch((/** @type {unknown} */ error) => messages.show(`${name}: ${wordsOf(error)}`, { kind: "error" }));
    }
  }

  /** Ask again how the runs stand that were under way when the page last heard of them. */
  async refresh() {
    const { link, runs } = this.app;
    const open = [...runs.value.values()].filter((run) => run.state === "running");
    if (open.length === 0) return;
    const known = await link.runRecords.list().catch(() => null);
    if (known === null) return;
    const now = new Map(known.map((/** @type {RunRecord} */ run) => [run.id, run]));
    for (const { id } of open) {
      const run = now.get(id);
      if (run) this.onRun(run);
      else runs.update((all) => new Map([...all].filter(([key]) => key !== id)));
    }
  }

  /** Show the log and the runs of a plugin that was attached to. @param {string} name */
  async attached(name) {
    const { link } = this.app;
    const end = link?.runOf({ name });
    if (!end?.resumed) return;
    try {
      this.app.logs.of(name).recall(asLines(await link.logOf({ instance: end.instance })));
      const runs = await link.runRecords.list({ instance: end.instance });
      for (const run of runs) this.app.runs.update((all) => withRun(all, run));
      const open = runs.filter((/** @type {RunRecord} */ run) => run.state === "running");
      for (const run of open) this.follow(run);
      if (open.length === 0 && runs.length > 0) await this.ended(runs.at(-1));
    } catch (error) {
      // The connection may drop at any moment; what is missing then is told in the console.
      console.warn(`The runs of "${name}" could not be asked for.`, error);
    }
  }

  /**
   * Show what the engine keeps of a plugin that this tab had before it was loaded anew: its earlier
   * runs, the last of its log and, unless it is attached to, how its last run has ended.
   * @param {string} name
   * @param {Promise<void>} [begun] settles when its start has ended
   */
  async recall(name, begun = Promise.resolve()) {
    const { link, plugins, logs, runs } = this.app;
    const file = plugins.get(name)?.file;
    if (!file || !ENGINE_TYPES.includes(file.type)) return;
    try {
      const [known, parts] = await Promise.all([
        link.runRecords.list({ plugin: name, tag: file.tag }),
        link.logOf({ plugin: name }),
      ]);
      runs.update((all) => known.reduce(withRun, all));
      await begun;
      // Of one that runs on, `attached` shows all.
      if (link.runOf({ name })?.resumed) return;
      logs.of(name).recall(asLines(parts));
      const [last] = runsOf(runs.value, name, file.tag);
      if (!last || last.state === "running") return;
      const { words, failed } = await this.answer(last, false, MAX_RECALLED_BYTES);
      const isBlank = (/** @type {PluginRecord} */ { outcome, calls }) => outcome === "" && calls === 0;
      plugins.change(name, (old) => (isBlank(old) ? { ...old, outcome: words, outcomeFailed: failed } : old));
    } catch (error) {
      console.warn(`The earlier runs of "${name}" could not be asked for.`, error);
    }
  }

  /** @param {RunRecord} run one that is under way and that this page does not await */
  follow(run) {
    if (this.followed.has(run.id)) return;
    this.followed.add(run.id);
    this.app.plugins.change(run.plugin, (old) => ({ ...old, calls: old.calls + 1, outcome: "", isCancellable: true }));
    this.showProgress(run);
  }

  /** Say on the card how a run has ended. @param {RunRecord} run */
  async ended(run) {
    const { runner } = this.app;
    const wasRunning = this.followed.delete(run.id);
    const { words, failed, story, result } = await this.answer(run, wasRunning);
    if (failed && wasRunning) this.app.logs.of(run.plugin).add("error", story);
    runner?.endRun(run.plugin, words, failed, wasRunning);
    await runner?.showResult(run.plugin, result);
  }

  /** Return how a run of before has ended; what it returned for a window is shown in one. @param {RunRecord} run */
  async show(run) {
    const answer = await this.answer(run);
    await this.app.runner?.showResult(run.plugin, answer.result);
    return answer;
  }

  /**
   * Return how a run has ended.
   * @param {RunRecord} run
   * @param {boolean} [isNews] whether it has just ended: then its plugin may be why
   * @param {number} [maxBytes] of a result that is worth fetching
   * @returns {Promise<Answer>}
   */
  async answer(run, isNews = false, maxBytes = MAX_FETCHED_BYTES) {
    const took = formatDuration((run.ended ?? run.started) - run.started);
    const calm = (/** @type {string} */ words) => ({ words, failed: false, story: "" });
    if (run.state === "done" && (run.size_bytes ?? 0) > maxBytes) return calm(`Finished in ${took}.`);
    try {
      const result = await this.app.link.runRecords.result(run);
      return { ...calm(`Finished in ${took}${resultWords(result)}`), result };
    } catch (error) {
      const end = calmEnd(error, isNews ? this.app.plugins.get(run.plugin) : undefined, took);
      if (end) return calm(end);
      const { summary, story } = explain(error);
      return { words: summary, failed: true, story };
    }
  }
}

/** @param {{text: string, time_s: number | null}[]} parts of a log, as the engine tells them */
function asLines(parts) {
  return parts.map(({ text, time_s }) => ({ text, time: timeOf(time_s) }));
}
