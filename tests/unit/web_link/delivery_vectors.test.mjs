// Cutting, lanes and numbers, held to the vectors that Python's end passes too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Assembler, cut } from "../../../engine/web/link/chunks.js";
import { Incoming, Sent, ackNumber } from "../../../engine/web/link/delivery.js";
import { bytesOf, payloadBytes } from "../../../engine/web/link/frames.js";
import { Lanes, granted } from "../../../engine/web/link/lanes.js";
import { FrameError } from "../../../engine/web/link/stream_frames.js";

function load(name) {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf-8"));
}

const chunks = load("chunks");
const delivery = load("delivery");
const lanes = load("lanes");
const ROUTE = { to: "b", from: "a", kind: "rpc" };
const text = new TextEncoder();

function described({ header, sizes }, at = 0) {
  let next = at;
  const [body, ...buffers] = sizes.map((size) => {
    next += size;
    return new Uint8Array(size).map((_, index) => (next - size + index) % 251);
  });
  return { header, body, buffers };
}

function assertSame(frame, expected) {
  assert.deepEqual(frame.header, expected.header);
  const parts = ({ body, buffers }) =>
    [typeof body === "string" ? text.encode(body) : body, ...buffers].map((part) =>
      Buffer.from(bytesOf(part)),
    );
  const [got, wanted] = [parts(frame), parts(expected)];
  assert.equal(got.length, wanted.length);
  for (const [index, part] of got.entries()) assert.ok(part.equals(wanted[index]), `part ${index}`);
}

function attempt(step, act) {
  if (step.error) assert.throws(act, FrameError);
  else act();
}

for (const { name, id, pieces, ...vector } of chunks.cut) {
  test(`cut: ${name}`, () => {
    let at = 0;
    const got = [...cut(described(vector), id)];
    assert.equal(got.length, pieces.length);
    for (const [index, piece] of pieces.entries()) {
      assertSame(got[index], described(piece, at));
      at += piece.sizes.reduce((sum, size) => sum + size, 0);
    }
  });
}

for (const { name, steps, max_message_bytes: limit } of chunks.assemble) {
  test(`assemble: ${name}`, () => {
    const assembler = new Assembler(limit);
    for (const step of steps) {
      if (step.forget !== undefined) {
        assembler.forget(step.forget);
        continue;
      }
      attempt(step, () => {
        const wholes = assembler.feed(described(step, step.at));
        assert.equal(wholes.length, step.gives.length);
        for (const [index, whole] of wholes.entries()) {
          assertSame(whole, described(step.gives[index]));
        }
      });
    }
  });
}

for (const { name, steps } of delivery.sent) {
  test(`sent: ${name}`, () => {
    const sent = new Sent();
    for (const step of steps) {
      if (step.number !== undefined) {
        const frame = { header: ROUTE, body: "", buffers: [new Uint8Array(step.number)] };
        let numbered;
        for (let time = 0; time < (step.times ?? 1); time += 1) numbered = sent.number(frame);
        assert.deepEqual(numbered.header, { ...ROUTE, n: step.n });
      } else if (step.ack !== undefined) {
        attempt(step, () => sent.acknowledged(step.ack));
      } else if (step.has_room !== undefined) {
        assert.equal(sent.hasRoom, step.has_room);
      } else {
        assert.deepEqual(sent.unacknowledged().map(({ header }) => header.n), step.unacknowledged);
        assert.equal(sent.keptBytes, step.kept_bytes);
      }
    }
  });
}

for (const { name, steps } of delivery.incoming) {
  test(`incoming: ${name}`, () => {
    const incoming = new Incoming();
    for (const step of steps) {
      if (step.take !== undefined) {
        for (let time = 0; time < (step.times ?? 1); time += 1) {
          const n = time === 0 ? step.take : step.take + time;
          const buffers = [new Uint8Array(step.bytes)];
          attempt(step, () => {
            const taken = incoming.take({ header: { ...ROUTE, n }, body: "", buffers });
            assert.deepEqual(taken, step.gives ? { header: ROUTE, body: "", buffers } : null);
          });
        }
      } else if (step.ack !== undefined) {
        const header = { to: "", from: "", kind: "ack", n: step.ack };
        assert.deepEqual(incoming.ack(), { header, body: "", buffers: [] });
      } else {
        assert.deepEqual([incoming.owesAck, incoming.shouldAck], [step.owes, step.should]);
      }
    }
  });
}

for (const step of delivery.ack_number) {
  test(`an ack: ${JSON.stringify(step.header)}`, () =>
    attempt(step, () => assert.equal(ackNumber({ header: step.header }), step.gives)));
}

for (const { name, steps } of lanes.lanes) {
  test(`lanes: ${name}`, () => {
    const queue = new Lanes();
    for (const step of steps) {
      if (step.put !== undefined) {
        const [from, to] = step.put;
        const buffers = [new Uint8Array(step.bytes)];
        queue.put({ header: { to, from, kind: "rpc" }, body: "", buffers });
      } else if (step.take !== undefined) {
        const frame = queue.take();
        const { from, to, kind } = frame?.header ?? {};
        const got = frame && [[from, to], kind, payloadBytes(frame)];
        assert.deepEqual(got, step.take && [step.take, step.kind, step.bytes]);
      } else if (step.grant !== undefined) {
        const [from, to] = step.grant;
        queue.grant({ from, to, bytes: step.bytes });
      } else if (step.drop !== undefined) {
        queue.drop(step.drop);
      } else {
        assert.equal(queue.waitingBytes, step.waiting_bytes);
      }
    }
  });
}

for (const step of lanes.granted) {
  test(`a grant: ${JSON.stringify(step.header)}`, () =>
    attempt(step, () => {
      const { from, to, bytes } = granted({ header: step.header });
      assert.deepEqual([from, to, bytes], step.gives);
    }));
}
