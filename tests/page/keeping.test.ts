// What a lifetime's budget rests on, in a page: a browser that promises nothing, and limits that an application widens.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry, Status } from "../../web/ts/index.ts";
import { AT_ONCE, call, open, stored } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ mode: "split" });

const status = () => call<Status>(on.page, "status");

test("on storage that the browser may delete nothing is contributed, debited or sent, until the application says so", async () => {
  const puts: string[] = [];
  on.page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  await open(on.page, { allowEvictable: false });
  assert.equal(await call(on.page, "contribute"), "storage-evictable");
  const { keeping, persisted, rhoSpent } = await status();
  assert.deepEqual([keeping, persisted, rhoSpent, puts], ["evictable", false, 0, []]);
  assert.deepEqual(await call<Entry[]>(on.page, "audit.ledger"), []);
  await call(on.page, "close");

  await open(on.page, { allowEvictable: true });
  assert.equal((await status()).keeping, "evictable-allowed");
  assert.match(await call<string>(on.page, "audit.statement"), /may clear by itself\. This application accepts that/);
  assert.equal((await call<{ count: number }>(on.page, "contribute")).count, 1);
  assert.equal(puts.length, 1);
});

test("tokens anchor nothing where the round wants none: what is promised is what is counted", async () => {
  const asked: string[] = [];
  on.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await open(on.page, { allowEvictable: false, tokens: "/privet-tokens" });
  assert.equal(await call(on.page, "contribute"), "storage-evictable");
  assert.deepEqual([(await status()).keeping, await call(on.page, "audit.ledger")], ["evictable", []]);
  assert.match(await call<string>(on.page, "audit.statement"), /may clear by itself/);
  assert.ok(!asked.includes("/privet-tokens"), "nobody is asked for what nobody wants");
});

test("limits that an application widens hold when the user has agreed to that by name, and not before", async () => {
  const narrow = { ...AT_ONCE, lifetimeRho: 0.04 };
  await open(on.page, { policy: narrow });
  await call(on.page, "contribute");
  await call(on.page, "close");

  const wide = { policy: { ...AT_ONCE, lifetimeRho: 2 } };
  await open(on.page, wide);
  const before = await status();
  assert.ok(Math.abs(before.rhoLeft - (0.04 - before.rhoSpent)) < 1e-9, `${before.rhoLeft}`);
  assert.deepEqual([before.wantsWider?.from.lifetimeRho, before.wantsWider?.to.lifetimeRho], [0.04, 2]);
  assert.deepEqual(before.widened, []);
  await call(on.page, "consent", { contribute: true });
  assert.ok((await status()).rhoLeft < 0.04, "to agree to contributing is not to agree to more");

  await call(on.page, "consent", { contribute: true, widen: true });
  const after = await status();
  assert.equal(after.wantsWider, undefined);
  assert.ok(Math.abs(after.rhoLeft - (2 - after.rhoSpent)) < 1e-9, `${after.rhoLeft}`);
  assert.deepEqual(
    after.widened.map(({ from, to }) => [from.lifetimeRho, to.lifetimeRho]),
    [[0.04, 2]],
  );
  await call(on.page, "close");

  // Tighter at once, without a word, and as wide again as was agreed.
  await open(on.page, { policy: { ...AT_ONCE, lifetimeRho: 0.5 } }, null);
  assert.ok((await status()).rhoLeft < 0.5);
  await call(on.page, "close");
  await open(on.page, wide, null);
  assert.ok((await status()).rhoLeft > 1.9);
  const { ledger } = await stored(on.page);
  assert.ok(Buffer.from(ledger?.["account"] as number[]).includes("widened"), "it stands in the ledger itself");
});

test("nobody widens anything who does not agree to contribute", async () => {
  await open(on.page, { policy: { ...AT_ONCE, lifetimeRho: 0.04 } });
  await call(on.page, "contribute");
  await call(on.page, "close");
  await open(on.page, { policy: AT_ONCE }, null);
  assert.equal(await call(on.page, "consent", { contribute: false, widen: true }), "consent-missing");
  assert.ok((await status()).rhoLeft <= 0.04);
});
