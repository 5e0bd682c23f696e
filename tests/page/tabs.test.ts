// Several tabs: one leads, the others go through it, and when it is gone another takes over. Nothing is lost or done twice.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import type { Page } from "playwright-core";
import { browse, call, DIST, type Global, ITEMS, open, order } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();

let pages: Page[];

beforeEach(async () => {
  pages = [on.page, await on.tab(), await on.tab()];
  for (const page of pages) assert.equal(await open(page), "open");
});

const tab = (n: number) => pages[n] as Page;
const status = (n: number) => call<{ events: number; rhoSpent: number; owed: number }>(tab(n), "status");

/** Ways to lose a tab. */
const LOSSES = {
  closed: (page: Page) => page.close(),
  crashed: async (page: Page) => {
    const session = await on.context.newCDPSession(page);
    const crash = page.waitForEvent("crash");
    // It never answers.
    session.send("Page.crash").catch(() => undefined);
    await crash;
  },
};

test("three tabs are one device, and only the one that leads loads the module", async () => {
  await browse(tab(1), [3, 3, 3]);
  for (const n of [0, 1, 2]) {
    assert.equal((await status(n)).events, 7);
    assert.equal((await order(tab(n)))[0], "item-3");
  }
  const loaded = (page: Page) =>
    page.evaluate(() => performance.getEntriesByType("resource").filter(({ name }) => /wasm|round/.test(name)).length);
  assert.deepEqual([await loaded(tab(0)), await loaded(tab(1)), await loaded(tab(2))], [2, 0, 0]);
  await call(tab(2), "consent", { personalise: false });
  assert.equal(await call(tab(0), "record", { kind: "click", item: ITEMS[0] }), false);
  const locks = await tab(1).evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name));
  assert.deepEqual(locks, ["privet-leader-demo"]);
});

for (const [how, lose] of Object.entries(LOSSES)) {
  test(`a leader that is ${how} while it learns hands over, and every tab's events arrive once`, async () => {
    // Much to learn, so that it is in the middle of it.
    await tab(0).evaluate(async () => {
      const { personalizer, items } = globalThis as unknown as Global;
      for (let n = 0; n < 60; n++) {
        const slate = (await personalizer.rerank(items)).id;
        await personalizer.record({ kind: "click", item: items[n % 4]!, slate });
      }
    });
    const many = (page: Page, item: number) =>
      page.evaluate(async (item) => {
        const { personalizer, items } = globalThis as unknown as Global;
        const all = Array.from({ length: 40 }, () => personalizer.record({ kind: "click", item: items[item]! }));
        return (await Promise.all(all)).filter(Boolean).length;
      }, item);
    const [second, third] = [many(tab(1), 1), many(tab(2), 2)];
    await lose(tab(0));
    const later = many(tab(1), 3);
    assert.deepEqual(await Promise.all([second, third, later]), [40, 40, 40]);
    assert.equal((await status(1)).events, 240);
    await tab(1).close();
    assert.equal((await status(2)).events, 240, "and again when the next one goes");
    const page = await on.tab();
    await open(page, {}, null);
    assert.equal((await call<{ events: number }>(page, "status")).events, 240);
  });

  test(`a leader that is ${how} in the middle of a contribution hands over: one debit, the same bytes`, async () => {
    const bodies: string[] = [];
    let reached: () => void;
    const first = new Promise<void>((resolve) => (reached = resolve));
    await on.context.route("**/uploads/*", async (route) => {
      bodies.push(route.request().postDataBuffer()?.toString("hex") ?? "");
      if (bodies.length > 1) return route.continue();
      // The first one never arrives.
      return reached();
    });
    await browse(tab(1), [3, 3]);
    const receipt = call<{ count: number; rho: number; bytes: number[] }>(tab(1), "contribute");
    await first;
    await lose(tab(0));
    const { count, rho, bytes } = await receipt;
    assert.deepEqual([count, rho], [1, 0.03125]);
    assert.equal(Buffer.from(bytes).toString("hex"), bodies[0]);
    assert.ok(
      bodies.every((body) => body === bodies[0]),
      "identical bytes, however often",
    );
    assert.equal((await status(2)).rhoSpent, 0.03125);
    const ledger = await call<{ fate: string }[]>(tab(2), "audit.ledger");
    assert.deepEqual(
      ledger.map(({ fate }) => fate),
      ["sent"],
    );
    assert.equal((await on.server.count()).count, 1);
    assert.equal((await status(1)).events, 6);
  });
}

test("what a leader did and could not say any more is not done again by the next one", async () => {
  await Promise.all(pages.map((page) => page.close()));
  const worker = await readFile(join(DIST, "worker.js"), "utf8");
  // The first tab's answers to the others get lost.
  const mute = `const post = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = function (message) { if (!message.reply || !self.mute) post.call(this, message); };
    new BroadcastChannel("test").onmessage = () => (self.mute = true);`;
  pages = [];
  for (const n of [0, 1]) {
    const page = await on.context.newPage();
    if (n === 0) {
      await page.route("**/worker.js", (route) =>
        route.fulfill({ contentType: "text/javascript", body: mute + worker }),
      );
    }
    await page.goto(on.server.address);
    await open(page);
    pages.push(page);
  }
  await tab(0).evaluate(() => new BroadcastChannel("test").postMessage(""));
  await tab(0).waitForTimeout(200);
  const recorded = browse(tab(1), []);
  const clicked = tab(1).evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    return Promise.all([0, 1, 2, 3].map((n) => personalizer.record({ kind: "click", item: items[n]! })));
  });
  const before = async () => (await call<{ events: number }>(tab(0), "status")).events;
  for (let n = 0; n < 50 && (await before()) < 5; n++) await tab(0).waitForTimeout(50);
  assert.equal(await before(), 5, "one impression and four clicks, and nobody was told");
  await LOSSES.closed(tab(0));
  assert.deepEqual(await clicked, [true, true, true, true]);
  await recorded;
  assert.equal((await status(1)).events, 8);
});

test("a tab that gives up is heard where the device is", async () => {
  await on.context.route("**/uploads/*", () => undefined);
  const codes = await tab(2).evaluate(async () => {
    const { personalizer } = globalThis as unknown as Global;
    return personalizer.contribute({ signal: AbortSignal.timeout(800) }).catch(({ code }) => code);
  });
  assert.equal(codes, "timed-out");
  await on.context.unroute("**/uploads/*");
  assert.equal((await call<{ count: number }>(tab(1), "contribute")).count, 1, "nobody waits for the one before");
  assert.equal((await status(0)).rhoSpent, 0.03125);
});
