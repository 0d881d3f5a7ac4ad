import assert from "node:assert/strict";
import { test } from "node:test";

import { hostApi } from "../../../engine/web/page/core/host_api.js";
import { hostDialogs } from "../../../engine/web/page/core/host_dialogs.js";
import { hostFiles } from "../../../engine/web/page/core/host_files.js";
import { hostCreateWindow } from "../../../engine/web/page/core/host_windows.js";
import { source, startPage } from "./fake_core.mjs";

const PLUGIN = { id: "1", name: "Demo", config: { api_version: "0.1.8" }, api: null };

function windowsOf({ registered = {} } = {}) {
  const { core } = startPage();
  const made = [];
  core.pm.registered.windows = registered;
  core.pm.createWindow = async (_, config) => {
    made.push(config);
    config.refresh = async () => undefined;
    return {};
  };
  return { create: hostCreateWindow(() => core), made, core };
}

for (const [what, config, words] of [
  ["nothing", {}, /needs a `type`/],
  ["a type nobody has", "Galaxy", /no window plugin named "Galaxy"/],
  ["a plugin without windows", { type: "Native" }, /is a native-python plugin, not a window/],
  ["a terminal", { type: "imjoy/terminal" }, /not available yet/],
  ["an unknown built-in", { type: "imjoy/hologram" }, /no window type "imjoy\/hologram"/],
  ["a config that is no object", { type: "imjoy/image", config: [1] }, /`config` must be an object/],
  ["data that are true", { type: "imjoy/image", data: true }, /`data` cannot be/],
  ["broken source", { src: '<config lang="json">\n{</config>' }, /not valid JSON/],
  ["a word as source", { src: "owner" }, /cannot tell what "owner" is/],
]) {
  test(`createWindow raises for ${what}`, async () => {
    const { create, made, core } = windowsOf({ registered: { Native: { type: "native-python" } } });
    core.pm.reloadPlugin = async ({ code }) => assert.fail(code);
    await assert.rejects(create(PLUGIN, config), words);
    assert.deepEqual(made, []);
  });
}

test("run of a built-in window changes it and draws it again", async () => {
  const { create, made } = windowsOf();
  const api = await create(PLUGIN, { type: "imjoy/image", name: 7, data: { src: "a" } });
  await api.run({ data: { src: "b" } });
  assert.deepEqual([made[0].name, made[0].data], ["7", { src: "b" }]);
  made[0].closed = true;
  await assert.rejects(api.run({}), /is closed/);
});

test("a window from source is loaded first and opened by its name", async () => {
  const { create, made, core } = windowsOf();
  core.pm.reloadPlugin = async () => {
    core.pm.registered.windows.Bars = { type: "window" };
    return { name: "Bars" };
  };
  await create(PLUGIN, `${source({ name: "Bars", type: "window" })}\n`);
  assert.deepEqual([made[0].type, made[0].src], ["Bars", undefined]);
});

test("a ui without a type is a form, and its answers come back", async () => {
  const { app } = startPage();
  const { showDialog } = hostDialogs(app, async () => assert.fail("no window"));
  const asked = showDialog(PLUGIN, { name: "Sigma", ui: "σ {id: 'sigma', type: 'number', placeholder: 2}" });
  const [request] = app.dialogs.open.value;
  assert.deepEqual([request.kind, request.props.title, request.props.form.fields[0].id], ["form", "Sigma", "sigma"]);
  request.answer({ sigma: 3 });
  assert.deepEqual(await asked, { sigma: 3 });
  const other = showDialog(PLUGIN, { type: "joy", ui: "" });
  app.dialogs.open.value[0].cancel();
  await assert.rejects(other, /cancelled/);
});

test("a dialog with a window type is a window in front", async () => {
  const { app } = startPage();
  const { showDialog } = hostDialogs(app, async (_, config, extra) => ({ config, extra }));
  assert.deepEqual(await showDialog(PLUGIN, "Bars"), { config: { type: "Bars" }, extra: { dialog: true } });
});

test("alert, prompt and confirm answer however they are closed", async () => {
  const { app } = startPage();
  const { alert, prompt, confirm } = hostDialogs(app, async () => undefined);
  const answers = Promise.all([alert(PLUGIN, "a"), prompt(PLUGIN, { content: "b" }, "x"), confirm(PLUGIN, "c")]);
  assert.equal(app.dialogs.open.value[1].props.value, "x");
  for (const request of app.dialogs.open.value) request.cancel();
  assert.deepEqual(await answers, [undefined, null, false]);
});

const CHOSEN = { path: "/d/a.tif", name: "a.tif", type: "file", url: "/file/a", file_manager: "fm" };

for (const [version, options, chosen, expected] of [
  ["0.1.8", {}, [CHOSEN], [CHOSEN]],
  ["0.1.6", {}, [CHOSEN], CHOSEN],
  ["0.1.6", { mode: "multiple" }, [CHOSEN], { path: ["/d/a.tif"], url: ["/file/a"], file_manager: "fm" }],
  ["0.1.3", {}, [CHOSEN], "/d/a.tif"],
  ["0.1.3", { uri_type: "url" }, [CHOSEN, CHOSEN], ["/file/a", "/file/a"]],
]) {
  test(`files come as API ${version} expects with ${JSON.stringify(options)}`, async () => {
    const { app, core } = startPage();
    core.fm = { fileManagers: [{ url: "fm" }], getFileManagerByUrl: () => null };
    const { showFileDialog } = hostFiles(app, () => core);
    const asked = showFileDialog({ ...PLUGIN, config: { api_version: version } }, options);
    app.dialogs.open.value[0].answer(chosen);
    assert.deepEqual(await asked, expected);
  });
}

test("no files chosen is an empty list, or nothing, or an error, by API version", async () => {
  const cancel = async (version) => {
    const { app, core } = startPage();
    core.fm = { fileManagers: [{ url: "fm" }], getFileManagerByUrl: () => null };
    const asked = hostFiles(app, () => core).showFileDialog({ ...PLUGIN, config: { api_version: version } });
    app.dialogs.open.value[0].cancel();
    return asked;
  };
  assert.deepEqual(await cancel("0.1.8"), []);
  assert.equal(await cancel("0.1.6"), null);
  await assert.rejects(cancel("0.1.2"), /cancelled/);
});

for (const type of ["engine", "engine-factory", "file-manager"]) {
  test(`a plugin without the flag ${type} hears so where it registers one`, async () => {
    const { app, core } = startPage();
    const registered = [];
    core.pm.registerService = async (_, config) => registered.push(config.type);
    const { register, registerService } = hostApi(app, () => core);
    const config = { type, name: "Mine" };
    assert.throws(() => registerService(PLUGIN, config), /flags/);
    assert.throws(() => register({ ...PLUGIN, config: { flags: ["other"] } }, config), /flags/);
    await registerService({ ...PLUGIN, config: { flags: [type] } }, config);
    await register(PLUGIN, { type: "operator", name: "Free" });
    assert.deepEqual(registered, [type, "operator"]);
  });
}

test("what a plugin says of its run stands on its card while the run is under way, and in the head", async () => {
  const { app, core, runner, of } = startPage();
  const api = hostApi(app, () => core);
  const say = () => {
    api.showStatus(PLUGIN, "<b>tile 2</b> of 4");
    api.showProgress(PLUGIN, 50);
  };
  const seen = [];
  core.onLoad = () => ({
    run: async () => {
      say();
      seen.push(of("Demo").outcome, of("Demo").bar);
    },
  });
  await runner.load(source({ name: "Demo" }), { origin: "x" });
  await runner.run("Demo", {});
  assert.deepEqual(seen, ["tile 2 of 4", 50]);
  say();
  assert.match(of("Demo").outcome, /^Finished in /);
  assert.deepEqual([of("Demo").bar, app.messages.status.value, app.messages.progress.value], [null, "tile 2 of 4", 50]);
});
