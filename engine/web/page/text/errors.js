/** Errors, wherever they come from, as people read them: one line, and the whole story. */

/** A plugin's script has its name alone in a traceback, where a module has its whole path. */
const PLUGIN_LINE = /File "(?:[^"]*\.imjoy\.html|[^"/\\]+\.py)", line (\d+)/gi;
const PYTHON_ERROR = /^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Iteration)\b/;

/** Return any thrown thing as words. @param {unknown} thrown */
export function wordsOf(thrown) {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  if (thrown === undefined || thrown === null || thrown === "") return "no reason was given";
  if (typeof thrown === "object" && "message" in thrown) return String(thrown.message);
  if (typeof thrown !== "object") return String(thrown);
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
}

/**
 * Return an error in one line, with the line of the plugin file where it happened, and in full: for
 * an error that a plugin raised, that is its traceback.
 * @param {unknown} thrown
 * @returns {{summary: string, story: string}}
 */
export function explain(thrown) {
  const words = wordsOf(thrown).trim();
  const trace = traceOf(thrown);
  if (trace) {
    const { name } = /** @type {Error} */ (thrown);
    const named = words.startsWith(name) || name === "Error" ? words : `${name}: ${words}`;
    return { summary: withHint(withLine(firstLine(named), trace)), story: trace };
  }
  return { summary: withHint(withLine(headlineOf(words), words)), story: words };
}

/** Add what to do about a mistake that beginners make. @param {string} summary */
function withHint(summary) {
  const missing = /ModuleNotFoundError: No module named '([^'.]+)/.exec(summary)?.[1];
  if (missing) return `${summary}. Add the package that has ${missing} to the plugin's requirements.`;
  if (/\brun\(\) takes .*positional arguments? but .* given/.test(summary)) {
    return `${summary}. A plugin's run is called with ctx: write "def run(self, ctx)", or "def run(ctx)" outside a class.`;
  }
  return summary;
}

/** What the plugin's own side says of the way to the error. @param {unknown} thrown */
function traceOf(thrown) {
  if (!(thrown instanceof Error) || !("trace" in thrown)) return "";
  return typeof thrown.trace === "string" ? thrown.trace.trimEnd() : "";
}

/** Of a traceback, the line that says what happened; else the first one. @param {string} words */
function headlineOf(words) {
  const lines = words.split("\n");
  const isTrace = lines.some((line) => line.startsWith("Traceback") || /^\s*File ".*", line \d+/.test(line));
  const said = isTrace ? lines.findLast((line) => PYTHON_ERROR.test(line)) : undefined;
  return (said ?? lines[0]).trim();
}

/** @param {string} summary @param {string} story */
function withLine(summary, story) {
  const line = [...story.matchAll(PLUGIN_LINE)].at(-1)?.[1];
  if (!line || summary.includes(`line ${line}`)) return summary;
  return `${summary.replace(/\.$/, "")} (line ${line} of the plugin)`;
}

/** @param {string} words */
function firstLine(words) {
  return words.split("\n", 1)[0].trim();
}
