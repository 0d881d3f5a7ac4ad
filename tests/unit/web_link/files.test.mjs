import assert from "node:assert/strict";
import { test } from "node:test";

import { FakeEngine } from "./support/engine.mjs";
import { linkTo, rejection } from "./support/page.mjs";

async function linked(options) {
  const engine = new FakeEngine();
  return { engine, link: await linkTo(engine, options) };
}

test("files are listed as the core's dialog wants them", async () => {
  const { engine, link } = await linked();
  engine.list_dir = ({ path }) => ({ path, name: "data", type: "dir", sep: "/", children: [] });
  const listed = await link.listFiles("/data", "dir", true);
  assert.deepEqual(listed, { path: "/data", name: "data", type: "dir", sep: "/", children: [] });
  const [payload] = engine.requestsOf("list_dir");
  assert.deepEqual(payload, { path: "/data", type: "dir", recursive: true });
});

test("an address of a file is whole, also when the engine gives only its path", async () => {
  const { engine, link } = await linked({ url: "https://lab.example/me/" });
  engine.get_file_url = ({ path }) => ({ url: `/me/file/${path}?sig=1` });
  assert.equal(await link.getFileUrl({ path: "a.png" }), "https://lab.example/me/file/a.png?sig=1");
  engine.get_file_url = () => ({ url: "https://files.example/x" });
  assert.equal(await link.getFileUrl({ path: "a", file_manager: "me" }), "https://files.example/x");
  assert.deepEqual(engine.requestsOf("get_file_url")[1], { path: "a" });
});

test("a removed file is named with its kind", async () => {
  const { engine, link } = await linked();
  await link.removeFile("/data/old", "dir", true);
  const [payload] = engine.requestsOf("remove_files");
  assert.deepEqual(payload, { path: "/data/old", type: "dir", recursive: true });
});

test("a file is posted as a form to the address that the engine gives", async () => {
  const posted = [];
  const fetch = async (url, { method, body }) => {
    posted.push([url, method, body.get("file").name, await body.get("file").text()]);
    return Response.json({ success: true, path: "/data/b.txt", size: 3 });
  };
  const { engine, link } = await linked({ fetch });
  engine.request_upload_url = () => ({ id: "u1", url: "/upload/u1" });
  const stored = await link.putFile(new File(["abc"], "a.txt"), "/data/b.txt", { overwrite: true });
  assert.deepEqual(stored, { path: "/data/b.txt", size: 3 });
  assert.deepEqual(posted, [["http://127.0.0.1:9527/upload/u1", "POST", "a.txt", "abc"]]);
  const [payload] = engine.requestsOf("request_upload_url");
  assert.deepEqual(payload, { path: "/data/b.txt", overwrite: true });
});

test("a refused upload says why", async () => {
  const fetch = async () =>
    Response.json({ success: false, message: "It is there already.", hint: "Rename it." }, { status: 409 });
  const { engine, link } = await linked({ fetch });
  engine.request_upload_url = () => ({ url: "/upload/u1" });
  const error = await rejection(link.putFile(new File(["x"], "a.txt")));
  assert.equal(error.message, 'The file "a.txt" was not stored: It is there already. Rename it.');
  const broken = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
  const other = await linked({ fetch: broken });
  other.engine.request_upload_url = () => ({ url: "/upload/u1" });
  assert.match(String(await rejection(other.link.putFile(new File(["x"], "a.txt")))), /502/);
});
