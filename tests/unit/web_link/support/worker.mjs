/** A worker as engine/README.md describes it, written in JavaScript: one peer of the RPC. */

/**
 * `behaviour` says what its plugin does:
 *
 *   exports      {name: (worker, args, call) => value} functions of the plugin; a rejection or an
 *                exception is answered as an error, and `NEVER` is never answered
 *   callbacks    {id: (worker, args) => value} functions of the plugin that travel as values
 *   scripts      (code) => undefined; throws a text that becomes `executed.error`
 *   manual       the test calls start() itself
 *   resumed, initialState   what init_plugin answers
 */
export const NEVER = Symbol("no answer");

export class FakeWorker {
  constructor(engine, { id, config, instance, peer, client, behaviour }) {
    Object.assign(this, { engine, id, config, instance, peer, client, behaviour });
    this.received = [];
    this.executed = [];
    this.api = null;
    this.calls = new Map();
    this.count = 0;
    this.dead = false;
  }

  event(event, more = {}) {
    this.engine.event({ id: this.id, instance: this.instance, event, ...more });
  }

  start() {
    this.event("state", { state: "starting" });
    this.event("state", { state: "ready", pid: 4711 });
    this.send({ type: "imjoyRPCReady", config: {}, peer_id: this.client });
  }

  die(report) {
    if (this.dead) return;
    this.dead = true;
    this.engine.workers.delete(this.peer);
    const lines = ["Traceback", "boom"];
    this.event("exit", { ...report, last_lines: lines });
    this.event("state", { state: report.exit_code === 0 ? "stopped" : "failed" });
    const reason = { code: "plugin-exited", message: `It ended: ${report.words}.`, last_lines: lines };
    this.engine.control("peer_gone", this.client, { peer: this.peer, reason });
  }

  send(message, to = this.client) {
    this.engine.forward({ to, from: this.peer, kind: "rpc" }, message);
  }

  /** The other end's function `encoded`, called; resolves with its answer, still encoded. */
  call(encoded, ...args) {
    const number = ++this.count;
    const promise = ["resolve", "reject"].map((kind) => ({
      _rtype: "callback",
      _rtarget_id: this.peer,
      _rvalue: `${kind}-${number}`,
    }));
    const target = encoded._rtarget_id;
    const message =
      encoded._rtype === "callback"
        ? { type: "callback", target_id: target, id: encoded._rvalue }
        : { type: "method", target_id: target, object_id: encoded._rintf, name: encoded._rvalue };
    return new Promise((resolve, reject) => {
      this.calls.set(`resolve-${number}`, resolve);
      this.calls.set(`reject-${number}`, reject);
      this.send({ ...message, args, promise, with_kwargs: false }, target);
    });
  }

  exported() {
    const names = Object.keys(this.behaviour.exports ?? {});
    const api = Object.fromEntries(
      names.map((name) => [
        name,
        { _rtype: "interface", _rtarget_id: this.peer, _rintf: "plugin", _rvalue: name },
      ]),
    );
    return { ...api, _rintf: "plugin" };
  }

  receive(message, from) {
    this.received.push(message);
    this[`on_${message.type}`]?.(message, from);
  }

  on_initialize() {
    this.send({ type: "initialized", config: {}, peer_id: this.client });
  }

  on_setInterface({ api }) {
    this.api = api;
    this.send({ type: "interfaceSetAsRemote" });
  }

  on_execute({ code }) {
    this.executed.push(code);
    try {
      this.behaviour.scripts?.(code, this);
      this.send({ type: "executed" });
    } catch (error) {
      this.send({ type: "executed", error: String(error.message ?? error) });
    }
  }

  on_getInterface() {
    this.send({ type: "setInterface", api: this.exported() });
  }

  async on_callback({ id, args, promise }) {
    const settle = this.calls.get(id);
    if (settle !== undefined) {
      this.calls.delete(id);
      settle(args[0]);
      return;
    }
    await this.answered(() => this.behaviour.callbacks[id](this, args), promise);
  }

  on_method({ name, args, promise }) {
    return this.answered(() => this.behaviour.exports[name](this, args), promise);
  }

  async answered(work, promise) {
    let answer;
    let end = 0;
    try {
      answer = await work();
    } catch (error) {
      const { name: type, message } = error;
      const trace = `Traceback (most recent call last):\n${type}: ${message}`;
      answer = { _rtype: "error", _rvalue: message, _rname: type, _rtrace: trace };
      end = 1;
    }
    if (answer === NEVER || this.dead) return;
    const { _rtarget_id: target, _rvalue: id } = promise[end];
    const args = answer === undefined ? [] : [answer];
    this.send({ type: "callback", target_id: target, id, args, with_kwargs: false }, target);
  }
}
