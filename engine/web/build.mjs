#!/usr/bin/env node
/**
 * Assembles what the engine serves at `/`:
 *
 *   node build.mjs [--out DIR]
 *
 *   index.html, page/, link/, frames/   our own modules, as written
 *   vendor/                             third-party modules, each bundled once
 *   core/, rpc/                         imjoy-core and imjoy-rpc, as published
 *   frames/rpc/                         imjoy-rpc for plugins, with frames/rpc_repair.js behind it
 *   licenses.txt                        the licences of everything that is not ours
 *
 * DIR is replaced only after the whole build succeeded.
 */
import { build } from "esbuild";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const DEFAULT_OUT = path.join(HERE, "..", "imjoy_engine", "built", "web");
const OWN_FOLDERS = ["page", "link", "frames"];
const RPC_FILE = "imjoy-rpc.min.js";
const PUBLISHED = {
  core: { package: "imjoy-core", files: ["imjoy-core.min.js", "imjoy-loader.min.js"] },
  rpc: { package: "imjoy-rpc", files: [RPC_FILE] },
};
const PRELOAD_MARK = "<!-- modulepreload -->";

/** @param {string} out directory that holds the finished page afterwards */
export async function assemble(out) {
  const target = path.resolve(out);
  await mkdir(path.dirname(target), { recursive: true });
  const staging = `${target}.building-${process.pid}`;
  await mkdir(staging);
  try {
    for (const folder of OWN_FOLDERS) {
      await cp(path.join(HERE, folder), path.join(staging, folder), { recursive: true });
    }
    await bundleVendor(path.join(staging, "vendor"));
    for (const [folder, entry] of Object.entries(PUBLISHED)) {
      await copyPublished(entry, path.join(staging, folder));
    }
    // The core and the frames know only the folder; the name in it is theirs.
    await mkdir(path.join(staging, "frames", "rpc"));
    await writeFile(path.join(staging, "frames", "rpc", RPC_FILE), await pluginRPC());
    await writeIndex(staging);
    await writeFile(path.join(staging, "licenses.txt"), await licenceText());
    await rm(target, { recursive: true, force: true });
    await rename(staging, target);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/** Writes one self-contained module per file of vendor/. @param {string} outdir */
async function bundleVendor(outdir) {
  const source = path.join(HERE, "vendor");
  await build({
    absWorkingDir: HERE,
    entryPoints: (await readdir(source)).map((name) => path.join(source, name)),
    outdir,
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
}

/** @param {{package: string, files: string[]}} entry @param {string} outdir */
async function copyPublished(entry, outdir) {
  await mkdir(outdir, { recursive: true });
  for (const name of entry.files) {
    await writeFile(path.join(outdir, name), await published(entry.package, name));
  }
}

/** @param {string} name of a package @param {string} file */
async function published(name, file) {
  const text = await readFile(path.join(packageFolder(name), "dist", file), "utf8");
  // A map that is not shipped would be asked for, and missed, by every open debugger.
  return text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
}

/** Return imjoy-rpc as the core and its frames load it for plugins: as published, then repaired. */
export async function pluginRPC() {
  const repair = await readFile(path.join(HERE, "frames", "rpc_repair.js"), "utf8");
  return `${await published(PUBLISHED.rpc.package, RPC_FILE)}\n${repair}`;
}

/** The page names every module up front, so that a browser fetches them at once, not in a chain. */
async function writeIndex(staging) {
  const file = path.join(staging, "page", "index.html");
  const modules = (await filesBelow(staging, ["page", "vendor"]))
    .filter((name) => name.endsWith(".js") && name !== "vendor/socketio.js")
    .map((name) => `<link rel="modulepreload" href="/${name}" />`);
  const text = await readFile(file, "utf8");
  if (!text.includes(PRELOAD_MARK)) throw new Error(`${file} lacks ${PRELOAD_MARK}`);
  await writeFile(path.join(staging, "index.html"), text.replace(PRELOAD_MARK, modules.join("\n    ")));
  await rm(file);
}

/** @param {string} root @param {string[]} folders @returns {Promise<string[]>} sorted paths below root */
async function filesBelow(root, folders) {
  const found = [];
  for (const folder of folders) {
    const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) found.push(path.relative(root, path.join(entry.parentPath, entry.name)));
    }
  }
  return found.map((name) => name.split(path.sep).join("/")).sort();
}

/** The licences of every installed package that is more than a tool: bundles hold most of them. */
async function licenceText() {
  const lock = JSON.parse(await readFile(path.join(HERE, "package-lock.json"), "utf8"));
  const parts = [];
  for (const [folder, entry] of Object.entries(lock.packages)) {
    if (folder === "" || entry.dev || entry.devOptional || entry.optional) continue;
    const name = folder.replace(/^.*node_modules\//, "");
    const files = await readdir(path.join(HERE, folder));
    const file = files.find((candidate) => /^licen[cs]e/i.test(candidate));
    const text = file ? await readFile(path.join(HERE, folder, file), "utf8") : "";
    parts.push(`${name} ${entry.version} (${entry.license ?? "see its text"})\n\n${text.trim()}\n`);
  }
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

/** @param {string} name */
function packageFolder(name) {
  return path.join(HERE, "node_modules", name);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: "string", default: DEFAULT_OUT } } });
  await assemble(values.out);
}
