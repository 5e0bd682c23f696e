// A browser without SIMD: it loads the other build of each module, and all works as ever.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launch, Server } from "../harness.ts";
import type { Receipt, Status } from "../../web/ts/index.ts";
import { browse, call, open, order, prepare, Site } from "./site.ts";

let site: Site;
let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;
let asked: string[];

before(async () => {
  site = await Site.make();
  browser = await launch({ gpu: false, simd: false });
});
after(async () => {
  await browser.close();
  await site.end();
});

beforeEach(async (t) => {
  server = await Server.start(site.folder, "split");
  context = await browser.newContext();
  await prepare(context);
  asked = [];
  context.on("request", (request) => asked.push(request.url().replace(server.address, "")));
  page = await context.newPage();
  await page.goto(server.address);
  (t as unknown as { after(end: () => Promise<void>): void }).after(async () => {
    await context.close();
    await server.end();
  });
});

const modules = () => [...new Set(asked.filter((path) => path.endsWith(".wasm")))].sort();

test("this browser refuses the modules that are built for SIMD, and takes the others", async () => {
  const taken = await page.evaluate(async () => {
    const files = ["rank", "full", "rank_scalar", "full_scalar"].map((name) => fetch(`/${name}_bg.wasm`));
    const bytes = await Promise.all(files.map(async (file) => (await file).arrayBuffer()));
    return bytes.map((bytes) => WebAssembly.validate(bytes));
  });
  assert.deepEqual(taken, [false, false, true, true]);
});

for (const worker of [true, false]) {
  test(`without SIMD it ranks, learns and contributes, ${worker ? "in its worker" : "in the page's own thread"}`, async () => {
    assert.equal(await open(page, worker ? {} : { worker }), "open");
    await browse(page, [3, 3, 3]);
    assert.equal((await order(page))[0], "item-3");
    assert.deepEqual(modules().slice(-1), ["/rank_scalar_bg.wasm"]);
    const { count } = await call<Receipt>(page, "contribute");
    assert.equal(count, 1);
    assert.equal((await call<Status>(page, "status")).kernels, "scalar");
    assert.deepEqual(modules(), ["/full_scalar_bg.wasm", "/rank_scalar_bg.wasm"]);

    const { asks } = await call<{ asks: Record<string, string> }>(page, "audit.requests");
    const explained = Object.keys(asks).map((url) => new URL(url).pathname);
    assert.deepEqual(explained.filter((path) => path.endsWith(".wasm")).sort(), modules(), "the audit knows them");
  });
}

test("an application's own module is taken as it is, whatever the browser can run", async () => {
  assert.equal(await open(page, { wasm: "/rank_scalar_bg.wasm?own" }), "open");
  assert.ok(asked.includes("/rank_scalar_bg.wasm?own") && !asked.includes("/rank_scalar_bg.wasm"));
  const other = await context.newPage();
  await other.goto(server.address);
  assert.equal(await open(other, { task: "other", wasm: "/rank_bg.wasm" }), "worker-failed");
});
