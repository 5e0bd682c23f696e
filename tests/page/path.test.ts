// One datum, all the way: from a click on the page to the count that the server holds.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Browser, BrowserContext, Page, Request } from "playwright-core";
import { launch, noGpu, open, Server } from "../harness.ts";

let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

beforeEach(async (t) => {
  server = await Server.start(undefined, "split");
  context = await browser.newContext();
  page = await context.newPage();
  (t as unknown as { after(end: () => Promise<void>): void }).after(async () => {
    await context.close();
    await server.end();
  });
});

const text = (id: string, on = page) => on.locator(id).innerText();
const titles = () => page.locator("#feed h3").allInnerTexts();
const settled = (on = page) => on.locator("#walk:enabled").waitFor();

async function press(id: string, on = page): Promise<void> {
  await on.click(id);
  await settled(on);
}

test("one click travels the whole path, on WebGPU", async () => {
  const complaints = await open(page, server.address);
  const sent: Request[] = [];
  page.on("request", (request) => sent.push(request));
  await press("#walk");

  assert.equal(await text("#stage-aggregate p"), "1 upload in round 1; opened from 100");
  assert.deepEqual(await server.count(), { round: 1, count: 1, min_cohort: 100 });
  assert.match(await text("#stage-gradient p"), noGpu ? /by the CPU/ : /over 1 example, by WebGPU in/);
  assert.match(await text("#stage-event p"), /^2 events/, "12 were shown together, one was read");
  assert.deepEqual(complaints, []);

  const puts = sent.filter((request) => request.method() === "PUT");
  assert.equal(puts.length, 1, "one real request");
  assert.match(puts[0]?.url() ?? "", /\/v1\/tasks\/demo\/rounds\/1\/uploads\/[0-9a-f]{32}$/);
  await page.click("summary");
  const shown = (await text("pre")).replace(/\s/g, "");
  assert.equal(puts[0]?.postDataBuffer()?.toString("hex"), shown, "the bytes on the page are the bytes that were sent");
});

test("nothing is requested but the page, the keys, the round and its head", async () => {
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("request", (request) => assert.equal(new URL(request.url()).origin, server.address));
  await open(page, server.address);
  await page.locator("#feed button").nth(3).click();
  await settled();
  await page.locator("#feed button").nth(2).click();
  await settled();
  const paths = [...asked].map((path) => path.replace(/[0-9a-f]{64}/, "{hash}")).sort();
  assert.deepEqual(paths, [
    "GET /",
    "GET /icon.svg",
    "GET /main.js",
    "GET /privet_bg.wasm",
    "GET /style.css",
    "GET /v1/heads/{hash}",
    "GET /v1/identity",
    "GET /v1/tasks/demo/round",
    "GET /worker.js",
  ]);
  assert.equal((await server.count()).count, 0, "reading sends nothing");
});

test("reading reorders the feed on this device", async () => {
  await open(page, server.address);
  const before = await titles();
  const last = before.at(-1);
  await page.locator("#feed button").last().click();
  await settled();
  await page.locator(`#feed li:has(h3:text-is("${last}")) button`).click();
  await settled();
  const after = await titles();
  assert.notDeepEqual(after, before);
  assert.ok(after.indexOf(last ?? "") < before.length - 1, "what was read has risen");
  const reasons = await page.locator("#feed p").allInnerTexts();
  assert.ok(
    reasons.some((text) => text.endsWith(`; like “${last}”`)),
    "and with it what is like it, which is said",
  );
});

test("a contribution without anything new sends a noised zero of the same size", async () => {
  await open(page, server.address);
  await press("#contribute");
  assert.match(await text("#stage-gradient p"), /^nothing new, so the zero vector/);
  const size = await text("#stage-upload p");
  await press("#walk");
  assert.equal((await text("#stage-upload p")).split(",")[0], size.split(",")[0]);
  assert.equal((await server.count()).count, 2);
});

test("the ledger outlives a reload, and two tabs share it", async () => {
  await open(page, server.address);
  await press("#contribute");
  assert.match(await text("#budget-text"), /^rho 0.03125 of 1.052/);
  const other = await context.newPage();
  await open(other, server.address);
  assert.match(await text("#budget-text", other), /^rho 0.03125 of 1.052/);
  await Promise.all([press("#contribute"), press("#contribute", other)]);
  await page.reload();
  await settled();
  assert.match(await text("#budget-text"), /^rho 0.09375 of 1.052/, "no tab has overwritten the other's debit");
  assert.equal((await server.count()).count, 3);
});

test("the lifetime budget refuses for good", async () => {
  await open(page, server.address);
  for (let n = 0; n < 33; n++) await press("#contribute");
  assert.equal((await server.count()).count, 33);
  await press("#contribute");
  assert.equal(await page.locator("#trouble").getAttribute("data-code"), "budget-exhausted");
  assert.match(await text("#trouble"), /costs 31250000 nano-rho; 20750000 of the lifetime budget are left/);
  await page.reload();
  await settled();
  await press("#contribute");
  assert.equal(await page.locator("#trouble").getAttribute("data-code"), "budget-exhausted");
  assert.equal((await server.count()).count, 33, "nothing more was sent");
});

test("a server that is down is said, and the same bytes go out when it is back", async () => {
  await open(page, server.address);
  const puts: Request[] = [];
  page.on("request", (request) => request.method() === "PUT" && puts.push(request));
  await server.down();
  await press("#walk");
  assert.equal(await page.locator("#trouble").getAttribute("data-code"), "server-unreachable");
  await server.up();
  await press("#contribute");
  assert.equal(await page.locator("#trouble").isVisible(), false);
  assert.deepEqual(puts[0]?.postDataBuffer(), puts.at(-1)?.postDataBuffer());
  assert.match(await text("#budget-text"), /^rho 0.03125 of/, "it was paid for once");
  assert.equal((await server.count()).count, 1);
});

test("a page narrow as a telephone does not scroll sideways", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page, server.address);
  await press("#walk");
  await page.click("summary");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});
