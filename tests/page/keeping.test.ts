// What a lifetime's budget rests on, in a page: a browser that promises nothing, and limits that an application widens.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { Entry, Status } from "../../web/ts/index.ts";
import { launch, Server } from "../harness.ts";
import { AT_ONCE, call, open, prepare, Site, stored } from "./site.ts";

let site: Site;
let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;

before(async () => {
  site = await Site.make();
  browser = await launch({ gpu: false });
});
after(async () => {
  await browser.close();
  await site.end();
});
beforeEach(async (t) => {
  server = await Server.start(site.folder, "split");
  context = await browser.newContext();
  await prepare(context);
  page = await context.newPage();
  await page.goto(server.address);
  (t as unknown as { after(end: () => Promise<void>): void }).after(async () => {
    await context.close();
    await server.end();
  });
});

const status = () => call<Status>(page, "status");

test("on storage that the browser may delete nothing is contributed, debited or sent, until the application says so", async () => {
  const puts: string[] = [];
  page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  await open(page, { allowEvictable: false });
  assert.equal(await call(page, "contribute"), "storage-evictable");
  const { keeping, persisted, rhoSpent } = await status();
  assert.deepEqual([keeping, persisted, rhoSpent, puts], ["evictable", false, 0, []]);
  assert.deepEqual(await call<Entry[]>(page, "audit.ledger"), []);
  await call(page, "close");

  await open(page, { allowEvictable: true });
  assert.equal((await status()).keeping, "evictable-allowed");
  assert.match(await call<string>(page, "audit.statement"), /may clear by itself\. This application accepts that/);
  assert.equal((await call<{ count: number }>(page, "contribute")).count, 1);
  assert.equal(puts.length, 1);
});

test("tokens anchor nothing where the round wants none: what is promised is what is counted", async () => {
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await open(page, { allowEvictable: false, tokens: "/privet-tokens" });
  assert.equal(await call(page, "contribute"), "storage-evictable");
  assert.deepEqual([(await status()).keeping, await call(page, "audit.ledger")], ["evictable", []]);
  assert.match(await call<string>(page, "audit.statement"), /may clear by itself/);
  assert.ok(!asked.includes("/privet-tokens"), "nobody is asked for what nobody wants");
});

test("limits that an application widens hold when the user has agreed to that by name, and not before", async () => {
  const narrow = { ...AT_ONCE, lifetimeRho: 0.04 };
  await open(page, { policy: narrow });
  await call(page, "contribute");
  await call(page, "close");

  const wide = { policy: { ...AT_ONCE, lifetimeRho: 2 } };
  await open(page, wide);
  const before = await status();
  assert.ok(Math.abs(before.rhoLeft - (0.04 - before.rhoSpent)) < 1e-9, `${before.rhoLeft}`);
  assert.deepEqual([before.wantsWider?.from.lifetimeRho, before.wantsWider?.to.lifetimeRho], [0.04, 2]);
  assert.deepEqual(before.widened, []);
  await call(page, "consent", { contribute: true });
  assert.ok((await status()).rhoLeft < 0.04, "to agree to contributing is not to agree to more");

  await call(page, "consent", { contribute: true, widen: true });
  const after = await status();
  assert.equal(after.wantsWider, undefined);
  assert.ok(Math.abs(after.rhoLeft - (2 - after.rhoSpent)) < 1e-9, `${after.rhoLeft}`);
  assert.deepEqual(
    after.widened.map(({ from, to }) => [from.lifetimeRho, to.lifetimeRho]),
    [[0.04, 2]],
  );
  await call(page, "close");

  // Tighter at once, without a word, and as wide again as was agreed.
  await open(page, { policy: { ...AT_ONCE, lifetimeRho: 0.5 } }, null);
  assert.ok((await status()).rhoLeft < 0.5);
  await call(page, "close");
  await open(page, wide, null);
  assert.ok((await status()).rhoLeft > 1.9);
  const { ledger } = await stored(page);
  assert.ok(Buffer.from(ledger?.["account"] as number[]).includes("widened"), "it stands in the ledger itself");
});

test("nobody widens anything who does not agree to contribute", async () => {
  await open(page, { policy: { ...AT_ONCE, lifetimeRho: 0.04 } });
  await call(page, "contribute");
  await call(page, "close");
  await open(page, { policy: AT_ONCE }, null);
  assert.equal(await call(page, "consent", { contribute: false, widen: true }), "consent-missing");
  assert.ok((await status()).rhoLeft <= 0.04);
});
