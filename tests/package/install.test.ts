// The packed tarball in a project of its own: installed, type-checked, bundled as its user would, opened in a browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { launch, required, Server } from "../harness.ts";

const PAGE = `import { createPersonalizer } from "privet";
const feed = [0, 1, 2].map((n) => ({ id: String(n), score: 1 - n / 10, embedding: Array.from({ length: 16 }, (_, i) => +(i === n)) }));
const policy = { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0 };
const { leader: key } = await (await fetch("v1/identity")).json();
const personalizer = await createPersonalizer({ task: "demo", aggregators: { leader: { url: ".", key } }, policy, schedule: "manual", allowEvictable: true });
await personalizer.consent({ personalise: true, contribute: true });
await (await personalizer.rerank(feed)).shown();
for (let n = 0; n < 4; n++) await personalizer.record({ kind: "click", item: feed[2]! });
const slate = await personalizer.rerank(feed);
const { gradient, clipped } = await personalizer.audit.preview();
gradient satisfies Float32Array;
clipped satisfies Int32Array;
(await personalizer.audit.statement()) satisfies string;
const receipt = await personalizer.contribute();
document.title = JSON.stringify({ order: slate.items.map((item) => item.id), count: receipt.count, backend: receipt.backend });
`;
const WRONG = `import { createPersonalizer } from "privet";
const personalizer = await createPersonalizer({ task: "demo", aggregators: { leader: { url: ".", key: "" } } });
await personalizer.record({ kind: "clack", item: { id: "1", embedding: [] } });
`;
const TSCONFIG = JSON.stringify({
  compilerOptions: { target: "ES2022", module: "ESNext", moduleResolution: "bundler", strict: true, noEmit: true },
});

let folder: string;
const inFolder = (name: string) => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-package-"));
  await writeFile(inFolder("package.json"), JSON.stringify({ name: "someone", private: true, type: "module" }));
  await writeFile(inFolder("tsconfig.json"), TSCONFIG);
  const options = { cwd: folder, stdio: ["ignore", "ignore", "inherit"] as ["ignore", "ignore", "inherit"] };
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", required("PRIVET_TARBALL")], options);
});
after(() => rm(folder, { recursive: true }));

async function typeCheck(source: string): Promise<string> {
  await writeFile(inFolder("tsconfig.json"), JSON.stringify({ ...JSON.parse(TSCONFIG), files: [source] }));
  const args = ["--project", inFolder("tsconfig.json")];
  try {
    execFileSync(resolve("node_modules/.bin/tsc"), args, { cwd: folder, encoding: "utf8" });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

test("its types hold: a right page compiles, a wrong kind of event does not", async () => {
  await writeFile(inFolder("page.ts"), PAGE);
  await writeFile(inFolder("wrong.ts"), WRONG);
  assert.equal(await typeCheck("page.ts"), "");
  assert.match(await typeCheck("wrong.ts"), /"clack"' is not assignable/);
});

test("it works in a browser from a bundle of one's own", async () => {
  await writeFile(inFolder("page.ts"), PAGE);
  await build({
    entryPoints: [inFolder("page.ts")],
    outfile: inFolder("page.js"),
    bundle: true,
    format: "esm",
    logLevel: "error",
  });
  await writeFile(
    inFolder("index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="page.js"></script>',
  );
  const modules = ["rank", "rank_scalar", "release", "release_scalar"].map((name) => `${name}_bg.wasm`);
  for (const file of ["worker.js", "release.js", ...modules]) {
    await copyFile(inFolder(`node_modules/privet/dist/${file}`), inFolder(file));
  }
  const [server, browser] = await Promise.all([Server.start(folder, "device"), launch()]);
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    await page.waitForFunction(() => document.title !== "");
    const { order, count, backend } = JSON.parse(await page.title());
    assert.equal(order[0], "2", "four clicks have lifted the last item to the top");
    assert.deepEqual([count, backend], [1, "simd"]);
  } finally {
    await browser.close();
    await server.end();
  }
});

test("whatever it exports is in it, with types", async () => {
  const inPackage = (path: string) => inFolder(join("node_modules/privet", path));
  const { exports } = JSON.parse(await readFile(inPackage("package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
  };
  for (const [name, target] of Object.entries(exports).filter(([name]) => !name.includes("*"))) {
    const conditions = name === "." ? ["types", "development", "default"] : ["types", "default"];
    assert.deepEqual(Object.keys(target), conditions, `${name}: types come first`);
    for (const path of Object.values(target)) assert.ok((await readFile(inPackage(path))).length > 0, path);
  }
});

test("it carries its licences and no sources of the workspace", async () => {
  const manifest = JSON.parse(await readFile(inFolder("node_modules/privet/package.json"), "utf8"));
  assert.equal(manifest.license, "MIT OR Apache-2.0");
  for (const file of ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "dist/index.js"]) {
    assert.ok((await readFile(inFolder(`node_modules/privet/${file}`))).length > 0, file);
  }
});
