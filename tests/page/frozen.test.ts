// A tab that leads and is kept to come back to, frozen, or loses its worker: the others go on, it goes on when it is back,
// and no call hangs.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { browse, call, type Global, ITEMS, open, order } from "./site.ts";
import { stage } from "./stage.ts";

/** Whoever asks hears something before that: an answer, or that there will be none. */
const PATIENCE_MS = 15_000;

const on = stage({
  browser: { kept: true },
  path: null,
  once: ({ site }) => writeFile(join(site.folder, "away.html"), "<!doctype html><title>away</title>"),
});

async function tab(): Promise<Page> {
  const page = await on.tab();
  await page.evaluate(() =>
    addEventListener("pageshow", ({ persisted }) => Object.assign(globalThis, { cameBack: persisted })),
  );
  assert.equal(await open(page), "open");
  return page;
}

const leave = (page: Page) => page.goto(`${on.server.address}/away.html`);
/** What is kept does not load again. */
const comeBack = (page: Page) => page.goBack({ waitUntil: "commit" });

const events = async (page: Page) => (await call<{ events: number }>(page, "status")).events;

/** What comes of it, or that nothing does. */
async function soon<T>(work: Promise<T>): Promise<T | "hangs"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"hangs">((resolve) => (timer = setTimeout(() => resolve("hangs"), PATIENCE_MS)));
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

test("a tab that leads and is left to be come back to lets another lead, and comes back", async () => {
  const [first, second] = [await tab(), await tab()];
  await browse(first, [3, 3, 3]);
  await leave(first);
  assert.equal((await soon(order(second)))[0], "item-3", "another one leads");
  await browse(second, [1]);
  await comeBack(first);
  assert.equal(await first.evaluate(() => (globalThis as unknown as { cameBack: boolean }).cameBack), true);
  assert.equal(await soon(events(first)), 12);
  assert.equal(await soon(call(first, "record", { kind: "click", item: ITEMS[0] })), true);
  assert.equal(await soon(events(second)), 13);
  await second.close();
  assert.equal(await soon(events(first)), 13, "and it leads again");
});

test("what a page asked when it was left is answered when it is back, and done once", async () => {
  const [first, second] = [await tab(), await tab()];
  for (const [leads, page] of [
    [true, first],
    [false, second],
  ] as const) {
    const before = await events(first);
    await page.evaluate(() => {
      const { personalizer, items } = globalThis as unknown as Global;
      const calls: Promise<unknown>[] = [];
      addEventListener("pagehide", () => {
        for (let n = 0; n < 20; n++) calls.push(personalizer.record({ kind: "click", item: items[n % 4]! }));
        calls.push(personalizer.rerank(items).then((slate) => slate.items.length));
      });
      Object.assign(globalThis, { calls });
    });
    await leave(page);
    await page.waitForTimeout(300);
    await comeBack(page);
    const answers = await soon(
      page.evaluate(() => Promise.all((globalThis as unknown as { calls: Promise<unknown>[] }).calls)),
    );
    assert.deepEqual(answers, [...Array.from({ length: 20 }, () => true), 4], leads ? "as the leader" : "as another");
    assert.equal(await soon(events(first)), before + 20);
  }
});

test("a worker that was killed ends its calls with an error, and what is opened then works", async () => {
  const page = await on.context.newPage();
  await page.addInitScript(() => {
    const Plain = Worker;
    globalThis.Worker = class extends Plain {
      constructor(url: URL, options: WorkerOptions) {
        super(url, options);
        Object.assign(globalThis, { kill: () => this.terminate() });
      }
    } as typeof Worker;
  });
  await page.goto(on.server.address);
  await open(page);
  await browse(page, [3, 3, 3]);
  await page.evaluate(() => (globalThis as unknown as { kill(): void }).kill());
  assert.equal(await soon(call(page, "record", { kind: "click", item: ITEMS[0] })), "worker-failed");
  assert.equal(await soon(call(page, "status")), "worker-failed");
  assert.equal(await soon(open(page)), "open");
  assert.deepEqual([await events(page), (await order(page))[0]], [7, "item-3"]);
});

test("a tab that leads and does not answer is given up by the others, who say so", async () => {
  // Frozen before it hears of it: its worker stops, and holds the lock.
  const leader = await on.context.newPage();
  await leader.route("**/worker.js", async (route) => {
    const stop = "new BroadcastChannel('stop').onmessage = () => { for (;;); };";
    const reply = await route.fetch();
    await route.fulfill({ contentType: "text/javascript", body: `${stop}\n${await reply.text()}` });
  });
  await leader.goto(on.server.address);
  await open(leader);
  const other = await tab();
  await other.evaluate(() => new BroadcastChannel("stop").postMessage(""));
  assert.equal(await soon(call(other, "status")), "timed-out");
  await leader.close();
  assert.equal(await soon(events(other)), 0, "it leads as soon as it can");
});
