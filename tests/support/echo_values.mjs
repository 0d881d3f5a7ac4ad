/**
 * The page's end, as a program: each line is a body and its buffers as Python sends them; what
 * JavaScript makes of it goes back as it sends it. `typed` has arrays go back as typed arrays.
 */

import { createInterface } from "node:readline";

import { pack, unpack } from "../../engine/web/link/codec.js";
import { valueCodecs } from "../../engine/web/link/values.js";
import { RPC } from "../unit/web_link/support/page.mjs";

const connection = { peer_id: "page", on() {}, emit() {}, execute() {} };
const rpc = new RPC(connection, {}, valueCodecs());
const typed = {
  ...{ int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array },
  ...{ uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array, float32: Float32Array },
  float64: Float64Array,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { body, buffers, asTyped } = JSON.parse(line);
  const tree = unpack(body, buffers.map((hex) => Uint8Array.from(Buffer.from(hex, "hex")).buffer));
  let [value] = await rpc._decode([tree], true);
  if (asTyped) value = new typed[value._rdtype](value._rvalue);
  const [again] = await rpc._encode([value]);
  const packed = pack(again);
  const answer = { body: packed.body, buffers: packed.buffers.map((each) => Buffer.from(each).toString("hex")) };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
