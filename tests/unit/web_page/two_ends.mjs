/** Two ends of imjoy-rpc as plugins get it, connected as a frame and the core are. */

import { readFile } from "node:fs/promises";

import { pluginRPC } from "../../../engine/web/build.mjs";

/** Return imjoy-rpc's class, repaired. */
export async function loadRPC() {
  // Upstream asks whether a value is one of these before it looks at it closer.
  globalThis.ImageData ??= class ImageData {};
  // A browser's script: no module system, `this` is the window.
  const script = new Function("exports", "module", "define", await pluginRPC());
  script.call(globalThis);
  return globalThis.imjoyRPC.RPC;
}

/** Return what the frames' script of that name does when a plugin's `api` is there, or a message. */
export async function frameScript(name) {
  const source = await readFile(new URL(`../../../engine/web/frames/${name}`, import.meta.url), "utf8");
  const heard = [];
  new Function("addEventListener", source)((_event, listener) => heard.push(listener));
  return (detail, data) => heard.forEach((listener) => listener({ detail, data }));
}

class Connection {
  constructor(name) {
    this.peer_id = name;
    this.handlers = new Map();
    this.sent = [];
    this.execute = () => undefined;
  }

  on(type, handler) {
    this.handlers.set(type, handler);
  }

  emit(message) {
    const copy = structuredClone(message);
    this.sent.push(copy);
    queueMicrotask(() => this.other.handlers.get(copy.type)?.(copy));
  }

  disconnect() {}
}

/** Return the two ends, and what one end calls on the object that the other offers. */
export async function connected(RPC, offered) {
  // The core's end has no id that the plugin's could address.
  const [here, there] = [new Connection("here"), new Connection(undefined)];
  [here.other, there.other] = [there, here];
  const [mine, its] = [new RPC(here, { name: "mine" }), new RPC(there, { name: "its" })];
  const seen = new Promise((resolve) => mine.once("remoteReady", resolve));
  its.setInterface(offered);
  mine.requestRemote();
  await seen;
  return { mine, its, here, remote: mine.getRemote() };
}
