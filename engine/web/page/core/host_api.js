/** Everything that the core leaves to the page that hosts it. */

import { wordsOf } from "../text/errors.js";
import { plainText } from "../text/plain.js";
import { hostDialogs } from "./host_dialogs.js";
import { hostFiles } from "./host_files.js";
import { checkedSource, hostCreateWindow } from "./host_windows.js";

/** @typedef {import("./owners.js").CorePlugin} CorePlugin */
/** @typedef {import("../app.js").App} App */

const FLAGGED_SERVICES = ["engine", "engine-factory", "file-manager"];

/**
 * Return the functions that the core gives to plugins as their `api`, each with the calling plugin
 * as its first argument.
 * @param {App} app
 * @param {() => import("./start.js").ImJoy} imjoyOf the core, once it runs
 */
export function hostApi(app, imjoyOf) {
  const createWindow = hostCreateWindow(imjoyOf);
  return {
    createWindow,
    ...hostDialogs(app, createWindow),
    ...hostFiles(app, imjoyOf),
    ...hostMessages(app),
    ...hostLogs(app),
    ...hostPlugins(imjoyOf),
    utils: {
      $forceUpdate: () => app.watcher?.refreshBusy(),
      /** The core's own refuses to sleep for 0 s. @param {CorePlugin} _plugin @param {number} [seconds] */
      sleep: (_plugin, seconds = 0) => new Promise((resolve) => setTimeout(resolve, seconds * 1000)),
    },
  };
}

/** @param {App} app */
function hostMessages(app) {
  const { messages } = app;
  return {
    /** @param {CorePlugin} plugin @param {unknown} text @param {unknown} [seconds] */
    showMessage(plugin, text, seconds) {
      messages.show(text, { from: app.ownerOf(plugin), seconds });
      messages.say(plainText(String(text)), app.ownerOf(plugin));
    },
    /** @param {CorePlugin} plugin @param {unknown} text @param {unknown} [seconds] */
    showSnackbar(plugin, text, seconds) {
      messages.show(text, { from: app.ownerOf(plugin), seconds });
    },
    /** @param {CorePlugin} plugin @param {unknown} text */
    showStatus(plugin, text) {
      const words = plainText(String(text ?? ""));
      messages.say(words, app.ownerOf(plugin));
      app.runner?.tellOfRun(app.ownerOf(plugin), { words });
    },
    /** @param {CorePlugin} plugin @param {unknown} value */
    showProgress(plugin, value) {
      messages.setProgress(value);
      app.runner?.tellOfRun(app.ownerOf(plugin), { progress: value });
    },
  };
}

/** @param {App} app */
function hostLogs(app) {
  return {
    /** @param {CorePlugin} plugin @param {any[]} items */
    log(plugin, ...items) {
      const log = app.logs.of(app.ownerOf(plugin));
      const [only] = items;
      if (items.length === 1 && typeof only === "object" && only !== null && "type" in only) {
        const kind = ["image", "progress", "error"].includes(only.type) ? only.type : "info";
        log.add(kind, String(only.value ?? ""));
      } else {
        log.add("info", items.map(wordsOf).join(" "));
      }
    },
    /** @param {CorePlugin} plugin @param {any[]} items */
    error(plugin, ...items) {
      app.logs.of(app.ownerOf(plugin)).add("error", items.map(wordsOf).join(" "));
    },
    /** @param {CorePlugin} plugin @param {unknown} value */
    progress(plugin, value) {
      app.watcher?.setBar(app.ownerOf(plugin), value);
    },
  };
}

/** @param {() => import("./start.js").ImJoy} imjoyOf */
function hostPlugins(imjoyOf) {
  /** @param {CorePlugin} plugin @param {any} given @param {any} [extra] */
  const getPlugin = (plugin, given, extra) => {
    const source = typeof given === "string" ? given : given?.src;
    // The core would answer broken source with its parser's words.
    if (typeof source === "string" && source.includes("\n")) checkedSource(source, given?.tag);
    return imjoyOf().pm.getPlugin(plugin, given, extra);
  };
  /** The core takes such a service in, and objects where nobody hears it. @param {CorePlugin} plugin @param {any} config */
  const registerService = (plugin, config) => {
    if (FLAGGED_SERVICES.includes(config?.type) && !plugin?.config?.flags?.includes(config.type)) {
      throw new Error(`Only a plugin with "${config.type}" among its flags can register this service.`);
    }
    return imjoyOf().pm.registerService(plugin, config);
  };
  return { getPlugin, loadPlugin: getPlugin, register: registerService, registerService };
}
