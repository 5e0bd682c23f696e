// The packed tarball through what people build with: each build is opened in a browser, and uses the second module there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, required, Server } from "../harness.ts";

/** The wire format's files that a bundler without any notion of them leaves to be put beside the bundle. */
const BESIDE = [
  "worker.js",
  "release.js",
  ...["rank", "rank_scalar", "release", "release_scalar"].map((name) => `${name}_bg.wasm`),
];

/** What every application here does: it ranks, says what taking part means, and takes part. */
const USE = `
export async function use(address) {
  const { leader: key } = await (await fetch(new URL("v1/identity", address))).json();
  const feed = [0, 1, 2].map((n) => ({ id: String(n), score: 1 - n / 10, embedding: Array.from({ length: 16 }, (_, i) => +(i === n)) }));
  const policy = { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0 };
  const personalizer = await createPersonalizer({ task: "demo", aggregators: { leader: { url: address, key } }, policy, schedule: "manual", allowEvictable: true });
  await personalizer.consent({ personalise: true, contribute: true });
  for (let n = 0; n < 4; n++) await personalizer.record({ kind: "click", item: feed[2] });
  const { items } = await personalizer.rerank(feed);
  const statement = await personalizer.audit.statement();
  const { count } = await personalizer.contribute();
  await personalizer.close();
  return { first: items[0].id, said: statement.length > 100, count };
}`;
const PAGE = `import { createPersonalizer } from "privet";
${USE}
use(location.origin).then(JSON.stringify, (error) => String(error.code) + ": " + error.message).then((said) => (document.title = said));
`;
const HTML = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';

let folder: string;
let browser: Browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-bundlers-"));
  browser = await launch({ gpu: false });
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

/** A project with the package and a page that uses it. */
async function project(name: string): Promise<string> {
  const site = join(folder, name);
  const modules = join(site, "node_modules");
  await mkdir(modules, { recursive: true });
  execFileSync("tar", ["-xzf", required("PRIVET_TARBALL"), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "privet"));
  await writeFile(join(site, "package.json"), '{ "name": "someone", "private": true, "type": "module" }');
  await writeFile(join(site, "page.js"), PAGE);
  await writeFile(join(site, "index.html"), HTML);
  return site;
}

/** What a folder's lock file names, installed once. */
async function installed(name: string): Promise<string> {
  const from = resolve("tests/package", name);
  const to = resolve("target/bundlers", name);
  const lock = await readFile(join(from, "package-lock.json"), "utf8");
  const before = await readFile(join(to, "node_modules/.privet"), "utf8").catch(() => "");
  if (before !== lock) {
    await mkdir(to, { recursive: true });
    for (const file of ["package.json", "package-lock.json"]) await cp(join(from, file), join(to, file));
    const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
    execFileSync("npm", args, { cwd: to, stdio: ["ignore", "ignore", "inherit"] });
    await writeFile(join(to, "node_modules/.privet"), lock);
  }
  return join(to, "node_modules");
}

/** What the page says when it has used the package. */
async function used(pages: string): Promise<string> {
  const server = await Server.start(pages);
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(server.address);
    await page.waitForFunction(() => document.title.startsWith("{") || document.title.includes(": "), undefined, {
      timeout: 30_000,
    });
    return await page.title();
  } finally {
    await context.close();
    await server.end();
  }
}

const RIGHT = JSON.stringify({ first: "2", said: true, count: 1 });

async function besides(site: string, out: string): Promise<void> {
  for (const file of BESIDE) await cp(join(site, "node_modules/privet/dist", file), join(out, file));
}

test("esbuild, with the package's files beside the bundle", async () => {
  const site = await project("esbuild");
  const { build } = await import("esbuild");
  const [entry, out] = [join(site, "page.js"), join(site, "out")];
  await build({ entryPoints: [entry], outfile: join(out, "page.js"), bundle: true, format: "esm", minify: true });
  await cp(join(site, "index.html"), join(out, "index.html"));
  await besides(site, out);
  assert.equal(await used(out), RIGHT);
});

test("Rollup, with the package's files beside the bundle", async () => {
  const site = await project("rollup");
  const modules = await installed("bundlers");
  const { rollup } = (await import(join(modules, "rollup/dist/es/rollup.js"))) as {
    rollup(options: object): Promise<{ write(options: object): Promise<unknown> }>;
  };
  const entry = join(site, "node_modules/privet/dist/index.js");
  // A resolver of two lines, in place of a plugin for the names of packages.
  const plugins = [{ name: "names", resolveId: (name: string) => (name === "privet" ? entry : null) }];
  const bundle = await rollup({ input: join(site, "page.js"), plugins });
  const out = join(site, "out");
  await bundle.write({ dir: out, format: "esm" });
  await cp(join(site, "index.html"), join(out, "index.html"));
  await besides(site, out);
  assert.equal(await used(out), RIGHT);
});

test("Vite", async () => {
  const site = await project("vite");
  await writeFile(join(site, "index.html"), HTML.replace("/page.js", "./page.js"));
  execFileSync(resolve("node_modules/.bin/vite"), ["build", "--logLevel", "error"], { cwd: site, stdio: "inherit" });
  assert.equal(await used(join(site, "dist")), RIGHT);
  const scripts = (await readdir(join(site, "dist/assets"))).filter((name) => name.endsWith(".js"));
  assert.equal(
    scripts.filter((name) => /worker/.test(name)).length,
    1,
    `the worker is there once: ${scripts.join(" ")}`,
  );
});

for (const version of ["now", "before"])
  test(`Vite's development server, without a line of configuration: ${version}`, async () => {
    const site = await project(`vite-dev-${version}`);
    const server = await Server.start(site);
    const before = () => installed("bundlers").then((modules) => join(modules, "vite-before/dist/node/index.js"));
    const name = version === "now" ? "vite" : await before();
    const { createServer: createVite } = (await import(name)) as typeof import("vite");
    const proxy = { "/v1": server.address };
    const vite = await createVite({
      ...{ root: site, configFile: false, logLevel: "error" },
      server: { port: 0, host: "127.0.0.1", proxy, ws: false, hmr: false },
    });
    const context = await browser.newContext();
    try {
      await vite.listen();
      const page = await context.newPage();
      const missing: string[] = [];
      page.on("response", (reply) => reply.status() >= 400 && missing.push(reply.url()));
      await page.goto(`http://127.0.0.1:${(vite.httpServer!.address() as AddressInfo).port}/`);
      await page.waitForFunction(() => document.title.startsWith("{") || document.title.includes(": "), undefined, {
        timeout: 30_000,
      });
      assert.deepEqual([await page.title(), missing], [RIGHT, []]);
    } finally {
      await context.close();
      await vite.close();
      await server.end();
    }
  });

for (const mode of ["production", "development"])
  test(`webpack, for ${mode}`, async () => {
    const site = await project(`webpack-${mode}`);
    const modules = await installed("bundlers");
    const { default: webpack } = (await import(join(modules, "webpack/lib/index.js"))) as {
      default(
        options: object,
        done: (error: unknown, stats: { toString(options: object): string; hasErrors(): boolean }) => void,
      ): void;
    };
    const out = join(site, "out");
    const options = {
      mode: "production",
      performance: false,
      context: site,
      entry: "./page.js",
      output: { path: out, filename: "page.js" },
    };
    await new Promise<void>((done, fail) =>
      webpack(options, (error, stats) => {
        const said = stats?.toString({
          all: false,
          errors: true,
          warnings: true,
          moduleTrace: true,
          errorDetails: true,
        });
        if (error || said) fail(error ?? new Error(said));
        else done();
      }),
    );
    await cp(join(site, "index.html"), join(out, "index.html"));
    assert.equal(await used(out), RIGHT);
  });

/** A folder of pages as Next exports it, and the server's interface behind it. */
async function throughNext(pages: string): Promise<string> {
  const server = await Server.start(pages);
  const types: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const files = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    if (path.startsWith("/v1/")) {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = "GET" } = request;
      const body = chunks.length ? Buffer.concat(chunks) : undefined;
      const headers = { "content-type": request.headers["content-type"] ?? "application/octet-stream" };
      const reply = await fetch(server.address + path, { method, headers, ...(body && { body }) });
      response.writeHead(reply.status, { "content-type": reply.headers.get("content-type") ?? "" });
      return response.end(Buffer.from(await reply.arrayBuffer()));
    }
    const file = join(pages, path === "/" ? "index.html" : decodeURIComponent(path));
    const bytes = await readFile(file).catch(() => undefined);
    response.writeHead(bytes ? 200 : 404, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    return response.end(bytes);
  }).listen(0, "127.0.0.1");
  await once(files, "listening");
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`);
    const said = page.locator("#said:not(:empty)");
    await said.waitFor({ timeout: 30_000 }).catch(() => assert.fail(complaints.join() || "the page says nothing"));
    return await said.innerText();
  } finally {
    await context.close();
    files.close();
    await server.end();
  }
}

test(
  "Next, by Turbopack",
  { skip: process.env["PRIVET_LONG"] !== "1" && "only in the long run: it is 340 MB" },
  async () => {
    const site = await project("next");
    const modules = await installed("next");
    // Turbopack follows links within its root alone: the project goes to where Next lies.
    const app = join(dirname(modules), "app");
    await rm(app, { recursive: true, force: true });
    await mkdir(join(app, "app"), { recursive: true });
    await rm(join(modules, "privet"), { recursive: true, force: true });
    await cp(join(site, "node_modules/privet"), join(modules, "privet"), { recursive: true });
    await symlink(modules, join(app, "node_modules"));
    await writeFile(join(app, "package.json"), '{ "name": "someone", "private": true, "type": "module" }');
    const config = `export default { output: "export", turbopack: { root: ${JSON.stringify(dirname(modules))} } };`;
    await writeFile(join(app, "next.config.mjs"), config);
    const layout = "export default ({ children }) => <html><body>{children}</body></html>;";
    await writeFile(join(app, "app/layout.jsx"), layout);
    const page = `"use client";
import { useEffect, useState } from "react";
import { createPersonalizer } from "privet";
${USE}
export default function Page() {
  const [said, say] = useState("");
  useEffect(() => {
    use(location.origin).then(JSON.stringify, (error) => String(error.code) + ": " + error.message).then(say);
  }, []);
  return <p id="said">{said}</p>;
}`;
    await writeFile(join(app, "app/page.jsx"), page);
    const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" as const };
    execFileSync(join(modules, ".bin/next"), ["build"], { cwd: app, env, stdio: ["ignore", "ignore", "inherit"] });
    assert.equal(await throughNext(join(app, "out")), RIGHT);
  },
);
