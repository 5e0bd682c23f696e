// What an act costs the store: a write of its own where it is alone, a part of one where it is not, and no reading.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { call, DIST, type Global, ITEMS, open, order } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ shared: "device", path: null });

/** A page whose worker counts its transactions and tells how many there were. */
async function counting(options: Record<string, unknown> = {}): Promise<Page> {
  const page = await on.context.newPage();
  const script = await readFile(join(DIST, "worker.js"), "utf8");
  const counter = `{
    const plain = IDBDatabase.prototype.transaction;
    let count = 0;
    IDBDatabase.prototype.transaction = function (...args) { count += 1; return plain.apply(this, args); };
    const channel = new BroadcastChannel("count");
    channel.onmessage = ({ data }) => data === "ask" && channel.postMessage(count);
  }`;
  await page.route("**/worker.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: `${counter}\n${script}` }),
  );
  await page.goto(on.server.address);
  assert.equal(await open(page, options), "open");
  return page;
}

const transactions = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const channel = new BroadcastChannel("count");
        channel.onmessage = ({ data }) => typeof data === "number" && resolve(data);
        channel.postMessage("ask");
      }),
  );

const record = (page: Page, times: number, together: boolean) =>
  page.evaluate(
    async ({ times, together }) => {
      const { personalizer, items } = globalThis as unknown as Global;
      const one = (n: number) => personalizer.record({ kind: "click", item: items[n % 4]! });
      const all = Array.from({ length: times }, (_, n) => n);
      if (together) await Promise.all(all.map(one));
      else for (const n of all) await one(n);
    },
    { times, together },
  );

test("an act that is waited for costs one transaction, many at once share theirs", async () => {
  const page = await counting();
  await record(page, 1, false);
  const before = await transactions(page);
  await record(page, 100, false);
  const alone = (await transactions(page)) - before;
  await record(page, 500, true);
  const together = (await transactions(page)) - before - alone;
  assert.ok(alone <= 104, `${alone} for 100 that were waited for`);
  assert.ok(together <= 60, `${together} for 500 at once`);
  assert.equal((await call<{ events: number }>(page, "status")).events, 601);
  await page.close();
});

test("what another task's erasure has taken the key of is sealed by a new one, and read again", async () => {
  const one = await counting();
  const two = await on.tab();
  const head = await two.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const asking = await createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } } });
    const { head } = await asking.audit.inspect("round");
    await asking.close();
    return Array.from(head as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("");
  });
  await record(one, 8, false);
  await two.evaluate(async (head) => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const other = await createPersonalizer({ task: "other", head: `/v1/heads/${head}` });
    await other.consent({ personalise: true });
    await other.erase();
    await other.close();
  }, head);
  await call(one, "consent", { personalise: true });
  await record(one, 8, false);
  const before = await order(one);
  await call(one, "close");
  assert.equal(await open(one, {}, null), "open");
  const { profile } = await call<{ profile: string }>(one, "status");
  assert.notEqual(profile, "state-damaged", "every record opens by the key that is stored");
  assert.ok(before.length === ITEMS.length);
});
