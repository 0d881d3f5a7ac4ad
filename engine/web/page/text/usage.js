/** What a plugin uses of the machine, as people read it. */

import { formatBytes } from "./format.js";

/**
 * A plugin as `get_engine_status` lists it; an older engine says less.
 * @typedef {object} EngineProcess
 * @property {string} name
 * @property {number | null} pid
 * @property {string} [id]
 * @property {string} [instance]
 * @property {string} [state]
 * @property {number[]} [gpus] the cards that it holds
 * @property {{position: number, length: number, reason: string} | null} [queue]
 * @property {{cpu: number, memory_bytes: number, gpu_memory_bytes: number} | null} [usage]
 */

/** Return its state: "ready", "waits for a GPU: 2 of 3". @param {EngineProcess} process */
export function stateWords({ state, queue }) {
  return queue ? `waits for a GPU: ${queue.position} of ${queue.length}` : (state ?? "");
}

/** Return what it uses: "CPU 98% · 2.1 GB · GPU 0, 7.9 GB". @param {EngineProcess} process */
export function usageWords({ usage, gpus = [], queue }) {
  if (!usage) return queue?.reason ?? "";
  const onGpu = usage.gpu_memory_bytes > 0 ? formatBytes(usage.gpu_memory_bytes) : "";
  const gpu = [gpus.length > 0 ? `GPU ${gpus.join(", ")}` : onGpu && "GPU", onGpu].filter(Boolean).join(", ");
  return [`CPU ${Math.round(usage.cpu * 100)}%`, formatBytes(usage.memory_bytes), gpu].filter(Boolean).join(" · ");
}
