import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { assemble } from "../../../engine/web/build.mjs";

const PUBLISHED = ["core", "rpc", "vendor"];
let folder;
let out;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "imjoy-page-"));
  out = path.join(folder, "web");
  await assemble(out);
});

after(() => rm(folder, { recursive: true, force: true }));

const read = (name) => readFile(path.join(out, name), "utf8");

test("everything that the page asks for is there", async () => {
  const index = await read("index.html");
  const asked = [...index.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) => found[1].slice(1));
  assert.ok(asked.length > 50, "the modules are named up front");
  for (const name of [...asked, "core/imjoy-core.min.js", "rpc/imjoy-rpc.min.js", "frames/rpc/imjoy-rpc.min.js", "frames/base_frame.html"]) {
    assert.ok((await read(name)).length > 0, name);
  }
});

test("every import of a module leads to a module", async () => {
  for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    const [top] = path.relative(out, file).split(path.sep);
    if (!entry.name.endsWith(".js") || PUBLISHED.includes(top)) continue;
    const text = await readFile(file, "utf8");
    for (const [, target] of text.matchAll(/^(?:import|export)[^"']*?from "([^"]+)";$/gms)) {
      assert.ok(target.startsWith("."), `${entry.name} imports ${target}`);
      await readFile(path.resolve(entry.parentPath, target));
    }
  }
});

test("our own files name no other origin", async () => {
  const texts = ["index.html", "frames/base_frame.html", "page/styles/tokens.css", "page/styles/base.css"];
  for (const name of texts) assert.doesNotMatch(await read(name), /(?:https?:)?\/\/[a-z]/i, name);
});

test("the licences of what is bundled come along", async () => {
  const text = await read("licenses.txt");
  for (const name of ["imjoy-core", "imjoy-rpc", "preact", "htm", "marked", "dompurify", "socket.io-client"]) {
    assert.match(text, new RegExp(`^${name} \\d`, "m"));
  }
  assert.doesNotMatch(text, /^esbuild /m);
});

test("the lock holds no download addresses", async () => {
  const lock = await readFile(new URL("../../../engine/web/package-lock.json", import.meta.url), "utf8");
  assert.doesNotMatch(lock, /"resolved"|https:\/\/[^"]*\.tgz/);
});

test("a build replaces the one before and leaves nothing beside it", async () => {
  await assemble(out);
  assert.deepEqual(await readdir(folder), ["web"]);
});
