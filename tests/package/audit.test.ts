// Both packed tarballs in a project that was empty: `<privet-audit>` type-checks there, is bundled with the project's own page, and
// shows in a browser what left the device.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { launch, required, Server } from "../harness.ts";

const PAGE = `import { createPersonalizer } from "privet";
import "privet-audit";
import type { Others, PrivetAudit } from "privet-audit";
const { leader: key } = await (await fetch("v1/identity")).json();
const policy = { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0 };
const personalizer = await createPersonalizer({ task: "demo", aggregators: { leader: { url: ".", key } }, policy, schedule: "manual", allowEvictable: true });
await personalizer.consent({ personalise: true, contribute: true });
const embedding = Array.from({ length: 16 }, (_, i) => +(i === 2));
for (let n = 0; n < 4; n++) await personalizer.record({ kind: "click", item: { id: "2", embedding } });
await navigator.serviceWorker.register("witness.js");
const element = document.querySelector("privet-audit")!;
element satisfies PrivetAudit;
element.files = { "v1/identity": "the leader's key" };
element.others = {} satisfies Others;
element.personalizer = personalizer;
const { id } = await personalizer.contribute();
await element.read();
document.title = id;
`;
const HTML = `<!doctype html><title></title><link rel="icon" href="data:,">
<script type="module" src="page.js"></script><privet-audit></privet-audit>`;

let folder: string;
const inFolder = (name: string) => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-audit-"));
  await writeFile(inFolder("package.json"), JSON.stringify({ name: "someone", private: true, type: "module" }));
  await writeFile(inFolder("page.ts"), PAGE);
  await writeFile(inFolder("index.html"), HTML);
  const tarballs = [required("PRIVET_TARBALL"), required("PRIVET_AUDIT_TARBALL")];
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts", ...tarballs], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
});
after(() => rm(folder, { recursive: true }));

const inPackage = (path: string) => inFolder(join("node_modules/privet-audit", path));

test("its types hold, those that it passes on of lit and of `privet` too", async () => {
  const compilerOptions = {
    ...{ target: "ES2022", module: "ESNext", moduleResolution: "bundler", strict: true, noEmit: true },
    ...{ exactOptionalPropertyTypes: true, skipLibCheck: true, types: [] },
  };
  await writeFile(inFolder("tsconfig.json"), JSON.stringify({ compilerOptions, files: ["page.ts"] }));
  execFileSync(resolve("node_modules/.bin/tsc"), ["--project", inFolder("tsconfig.json")], { stdio: "inherit" });
});

test("a page of one's own shows what left, and who asked for what", async () => {
  const [entry, outfile] = [inFolder("page.ts"), inFolder("page.js")];
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", minify: true, logLevel: "error" });
  for (const file of await readdir(inFolder("node_modules/privet/dist"))) {
    if (/^(worker|release)\.js$|_bg\.wasm$/.test(file))
      await copyFile(inFolder(`node_modules/privet/dist/${file}`), inFolder(file));
  }
  await copyFile(inPackage("dist/witness.js"), inFolder("witness.js"));
  const [server, browser] = await Promise.all([Server.start(folder), launch({ gpu: false })]);
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(server.address);
    const done = page.waitForFunction(() => document.title !== "", undefined, { timeout: 30_000 });
    await done.catch((error: Error) => assert.fail(complaints.join() || error.message));
    const element = page.locator("privet-audit");
    const id = await page.title();
    assert.match(id, /^[0-9a-f]{32}$/);
    await element.locator(`.sendings > li .answer:not(.open)`).waitFor();
    assert.equal(await element.locator(".sendings > li").count(), 1);
    const named = element.locator('.sendings table[data-name="paid"] [data-key="id"]');
    assert.equal((await named.textContent())?.trim(), id, "the upload by its id");
    const requests = element.locator('table[data-name="requests"] tbody tr');
    const uploads = requests.filter({ hasText: "an upload in the log" });
    await uploads.waitFor();
    assert.deepEqual([await uploads.count(), complaints], [1, []]);
  } finally {
    await browser.close();
    await server.end();
  }
});

test("whatever it exports is in it, with its licences, and no more than it says is built in", async () => {
  const { exports } = JSON.parse(await readFile(inPackage("package.json"), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === "string" ? target : Object.values(target),
  );
  for (const path of [...targets, "README.md", "LICENSE-MIT", "LICENSE-APACHE"])
    assert.ok((await readFile(inPackage(path))).length > 0, path);
  const script = await readFile(inPackage("dist/index.js"), "utf8");
  const imported = [...script.matchAll(/^import (?:.* from )?"([^"]+)";$/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(imported), new Set(["lit", "uplot"]), "of `privet` it takes types alone");
  // A Service Worker imports nothing late, and a site serves it as it is.
  assert.ok(!/^import /m.test(await readFile(inPackage("dist/witness.js"), "utf8")));
});
