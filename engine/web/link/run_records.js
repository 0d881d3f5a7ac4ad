/**
 * Runs: calls of a plugin's `run` that go on without the page that made them. The engine knows which
 * there are and keeps their results.
 */

import { LinkError } from "./errors.js";

/** @typedef {import("./session.js").Session} Session */

/**
 * What the engine knows of a run; times are seconds since the epoch.
 * @typedef {object} RunRecord
 * @property {string} id
 * @property {string} plugin
 * @property {string} tag
 * @property {string} instance
 * @property {string} name the function's
 * @property {"running" | "done" | "failed" | "cancelled" | "lost"} state
 * @property {number} started
 * @property {number | null} ended
 * @property {number | null} progress
 * @property {string} status
 * @property {number | null} size_bytes of the kept result
 * @property {{message?: string, code?: string} | null} error what it raised, or how its plugin ended
 * @property {boolean} [unwanted] it was cancelled; while it is running all the same, its function has not ended
 */

const WAIT_S = 25;

/** @returns {string} */
export function newRunId() {
  const words = globalThis.crypto.getRandomValues(new Uint32Array(4));
  return `r-${[...words].map((word) => word.toString(36)).join("-")}`;
}

export class RunRecords {
  /**
   * @param {Session} session
   * @param {(record: RunRecord, encoded: any) => Promise<any>} decoded reads a value of a run's plugin
   */
  constructor(session, decoded) {
    this.session = session;
    this.decoded = decoded;
    /** Ids of the runs that this page has begun. @type {Set<string>} */
    this.own = new Set();
    session.on("run_begun", ({ id }) => void this.own.add(id));
  }

  /**
   * Return what is known of each run, oldest first.
   * @param {{plugin?: string, tag?: string, instance?: string, state?: string}} [wanted]
   * @returns {Promise<RunRecord[]>}
   */
  async list(wanted = {}) {
    const { runs } = await this.session.request("list_runs", wanted);
    return runs;
  }

  /**
   * Return a run when it is over. LinkError when the engine is away.
   * @param {string} id
   * @returns {Promise<RunRecord>}
   */
  async wait(id) {
    for (;;) {
      const payload = { run: id, timeout_s: WAIT_S };
      const { run } = await this.session.request("wait_run", payload, { timeoutS: WAIT_S + 10 });
      if (run.state !== "running") return run;
    }
  }

  /**
   * Tell the plugin that nobody wants the run any more; it ends as the plugin lets it.
   * @param {string} id
   */
  async cancel(id) {
    await this.session.request("cancel_run", { run: id });
  }

  /**
   * Return what a run returned. Rejects with what it raised, or LinkError when nothing is kept.
   * @param {RunRecord} record
   * @returns {Promise<any>}
   */
  async result(record) {
    const { id, state, name, plugin } = record;
    /** @param {RunRecord} known */
    const nothing = ({ error }) => {
      const words = error?.message ?? "Its result was not kept: it was too big.";
      return new LinkError(`The run of "${name}" of "${plugin}" gave nothing. ${words}`, {
        code: error?.code ?? "no-result",
      });
    };
    /** @type {(message: any) => void} */
    let take = () => undefined;
    const came = new Promise((resolve) => {
      take = resolve;
    });
    const off = this.session.on("run", ({ run, message }) => void (run === id && take(message)));
    try {
      const { run, follows } = await this.session.request("fetch_run", { run: id });
      if (!follows) throw nothing(run);
      const [encoded] = (await came).args;
      const value = await this.decoded(record, encoded);
      if (state === "done") return value;
      throw value;
    } finally {
      off();
    }
  }
}
