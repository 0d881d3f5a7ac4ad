/** The messages of a call that is listened to and given up, as both languages write and read them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { currentCall } from "../../../engine/web/link/index.js";
import { createPluginRPC } from "../../../engine/web/link/rpc_patches.js";
import { RPC, eventually } from "./support/page.mjs";

const vectors = JSON.parse(readFileSync(new URL("../../vectors/calls.json", import.meta.url), "utf-8"));

/** What Python sends when this is the other end: who is who changes places. */
function fromThem(part) {
  const text = JSON.stringify(vectors.python[part]);
  const swapped = text.replaceAll('"them"', '"?"').replaceAll('"us"', '"them"').replaceAll('"?"', '"us"');
  return JSON.parse(swapped);
}

/** The end "us", what it has sent, and how "them" sends to it. */
function end() {
  const sent = [];
  const handlers = new Map();
  const connection = {
    worker: "them",
    peer_id: "us",
    closed: false,
    on: (type, handler) => handlers.set(type, handler),
    off: (type) => handlers.delete(type),
    emit: (message) => sent.push(JSON.parse(JSON.stringify(message))),
    execute() {},
  };
  const rpc = createPluginRPC(RPC, connection, { name: "P", owners: new WeakMap() });
  const receive = (message) => handlers.get(message.type)({ ...message, sender: "them" });
  return { rpc, sent, receive };
}

async function caller(options) {
  const { rpc, sent, receive } = end();
  const run = await rpc._decode({ _rtype: "interface", _rtarget_id: "them", _rintf: "i", _rvalue: "run" });
  const answer = run.withOptions(options)(1).catch((error) => error);
  await eventually(() => sent.length === 1, "the call is sent");
  return { sent, receive, answer };
}

test("the messages of the caller", async () => {
  const aborter = new AbortController();
  const heard = [];
  const onProgress = (...values) => heard.push(values);
  const { sent, receive, answer } = await caller({ signal: aborter.signal, onProgress });
  assert.deepEqual(sent[0], vectors.javascript.call);
  receive(fromThem("progress"));
  await eventually(() => heard.length === 1, "the progress arrives");
  assert.deepEqual(heard, [[0.5, "half"]]);
  aborter.abort();
  assert.equal((await answer).name, "AbortError");
  assert.deepEqual(sent[1], vectors.javascript.cancel);
  receive(fromThem("answer")); // too late: nobody waits
});

test("an answer that it was cancelled is such an error", async () => {
  const { receive, answer } = await caller({});
  receive(fromThem("answer"));
  const { name, message } = await answer;
  assert.deepEqual([name, message], ["CancelledError", "run was cancelled"]);
});

test("the messages of the end that is called", async () => {
  const { rpc, sent, receive } = end();
  await rpc._encode({
    _rintf: "i",
    run: () => {
      currentCall().report(0.5, "half");
      return new Promise(() => undefined);
    },
  });
  receive(fromThem("call"));
  await eventually(() => sent.length === 1, "the progress is sent");
  assert.deepEqual(sent[0], vectors.javascript.progress);
  receive(fromThem("cancel"));
  await eventually(() => sent.length === 2, "the answer is sent");
  const [{ _rtrace, ...error }] = sent[1].args;
  assert.deepEqual({ ...sent[1], args: [error] }, vectors.javascript.answer);
});
