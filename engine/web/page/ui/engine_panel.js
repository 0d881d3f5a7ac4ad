/** About the engine: version, machine, GPUs, and the processes that it runs. */

import { html, useEffect, useState } from "../../vendor/preact.js";
import { wordsOf } from "../text/errors.js";
import { formatCount } from "../text/format.js";
import { stateWords, usageWords } from "../text/usage.js";
import { useApp, useObservable } from "./hooks.js";
import { SidePanel } from "./side_panel.js";

/** @typedef {import("../text/usage.js").EngineProcess} EngineProcess */

const REFRESH_MS = 3000;

export function EnginePanel() {
  const { connection } = useApp();
  const { info, state } = useObservable(connection);
  return html`<${SidePanel} title="Engine">
    ${info
      ? html`<${About} info=${info} />`
      : html`<p class="quiet">${state === "online" ? "The engine has not said anything about itself." : "Not connected."}</p>`}
    ${state === "online" && html`<${Processes} />`}
    <p class="quiet licences"><a href="/licenses.txt" target="_blank">Licences of what this page is made of</a></p>
  <//>`;
}

/** @param {{info: any}} props */
function About({ info }) {
  const gpus = info.GPUs ?? [];
  const platform = typeof info.platform === "string" ? info.platform : info.platform?.uname;
  /** @type {[string, unknown][]} */
  const facts = [
    ["Name", info.name],
    ["Version", info.version],
    ["Python", info.python],
    ["Machine", platform],
    ["Host", info.platform?.node],
    ["Address", info.url],
  ];
  return html`<dl class="facts">
      ${facts.filter(([, value]) => value).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}
    </dl>
    <h3>GPUs</h3>
    ${gpus.length === 0
      ? html`<p class="quiet">${info.gpu_note || "None."}</p>`
      : html`<ul class="plain-list">${gpus.map((/** @type {any} */ gpu) => html`<${Gpu} gpu=${gpu} />`)}</ul>`}`;
}

/** @param {{gpu: any}} props */
function Gpu({ gpu }) {
  const { name, id, memory_total: total, memoryUsed: used } = gpu;
  return html`<li class="list-row">
    <span><strong>${name}</strong> <span class="quiet">GPU ${id}</span></span>
    <span class="quiet">${total ? `${Math.round(used ?? 0)} of ${Math.round(total)} MB` : ""}</span>
  </li>`;
}

function Processes() {
  const { link, messages } = useApp();
  const [processes, setProcesses] = useState(/** @type {EngineProcess[] | null} */ (null));
  const look = async () => {
    try {
      const status = await link.status();
      setProcesses(status.plugin_processes ?? []);
    } catch {
      // The banner already says that the engine is away.
      setProcesses(null);
    }
  };
  useEffect(() => {
    void look();
    const timer = setInterval(() => void look(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  const kill = async (/** @type {number | null} */ pid) => {
    try {
      await link.killProcess(pid);
    } catch (error) {
      messages.show(wordsOf(error), { kind: "error" });
    }
    await look();
  };
  const count = processes?.length ?? 0;
  return html`<h3>${formatCount(count, "running process", "running processes")}</h3>
    ${count > 0 &&
    html`<ul class="plain-list">
        ${processes?.map(
          (process) =>
            html`<li class="list-row" key=${process.instance ?? process.id ?? process.pid}>
              <span>
                <strong>${process.name}</strong>
                <span class="quiet">${[process.pid && `pid ${process.pid}`, stateWords(process)].filter(Boolean).join(", ")}</span>
                <span class="quiet usage">${usageWords(process)}</span>
              </span>
              <button
                class="button button-small"
                disabled=${!process.pid}
                aria-label=${`Kill ${process.name}`}
                onClick=${() => kill(process.pid)}
              >
                Kill
              </button>
            </li>`,
        )}
      </ul>
      ${count > 1 && html`<button class="button" onClick=${() => kill(null)}>Kill all</button>`}`}`;
}
