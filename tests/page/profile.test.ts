// What is remembered, told to the person whose it is; and how both orders did.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEMO_TASKS } from "../harness.ts";
import type { Personalizer, ProfileSummary, Report } from "../../web/ts/index.ts";
import { AT_ONCE, call, open } from "./site.ts";
import { stage } from "./stage.ts";

const OPTIONS = { task: "feed", policy: { ...AT_ONCE, minCohort: 32 } };

const on = stage({ mode: "split", flags: ["--tasks", DEMO_TASKS], shared: "server" });

const ITEMS = [0, 1, 2, 3].map((n) => ({
  id: `item-${n}`,
  score: -n / 10,
  embedding: Array.from({ length: 64 }, (_, i) => (i % 16 === n ? 1 : 0.125)),
  attributes: { topic: n < 2 ? "sea" : "space" },
}));

/** Orders and shows all items, and clicks on some of that slate; what was given as the reasons. */
const visit = (clicks: number[], there = on.page) =>
  there.evaluate(
    async ({ items, clicks }) => {
      const { personalizer } = globalThis as unknown as { personalizer: Personalizer };
      const slate = await personalizer.rerank(items, { explain: true });
      await slate.shown();
      for (const n of clicks) await personalizer.record({ kind: "click", item: items[n]!, slate: slate.id });
      return slate.scores.map(({ because }) => because);
    },
    { items: ITEMS, clicks },
  );

const profile = (there = on.page) => call<ProfileSummary>(there, "profile");
const deeds = ({ recent }: ProfileSummary) => recent.map(({ item, kind }) => `${kind} ${item}`);
const topics = ({ counted }: ProfileSummary) =>
  Object.fromEntries(counted.map(({ attribute, value, chosen, shown }) => [`${attribute} ${value}`, [chosen, shown]]));

test("a profile is told by the names of its items and values, the latest first", async () => {
  await open(on.page, OPTIONS);
  assert.deepEqual(await profile(), { events: 0, evidence: 0, recent: [], counted: [] });
  await visit([3, 2]);
  const told = await profile();
  assert.deepEqual([told.events, told.evidence], [3, 2]);
  assert.deepEqual(deeds(told), ["click item-2", "click item-3"]);
  assert.ok(told.recent.every(({ time }) => Math.abs(Date.now() - time) < 60_000));
  for (const [chosen, shown] of Object.values(topics(told))) assert.ok(shown! > 1.99 && shown! <= 2 && chosen! < 1.5);
  const [sea, space] = [told.counted, told.counted].map((all, n) =>
    all.find(({ value }) => value === ["sea", "space"][n]),
  );
  assert.ok(sea && space && sea.rate < sea.usual && space.rate > space.usual, JSON.stringify(told.counted));
  assert.ok(Math.abs(space.usual - 0.03) < 1e-6);
});

test("what is forgotten is told no more", async () => {
  await open(on.page, OPTIONS);
  await visit([3, 0]);
  await call(on.page, "forget", { item: "item-3" });
  await call(on.page, "train", { maxMs: 500 });
  await visit([]);
  assert.deepEqual(deeds(await profile()), ["click item-0"]);
  await call(on.page, "forget", { attribute: "topic", value: "sea" });
  await call(on.page, "train", { maxMs: 500 });
  const told = await profile();
  const { counted } = told;
  assert.deepEqual([told.evidence, told.recent, counted.map(({ value }) => value)], [0, [], [undefined]]);
  await visit([]);
  const { sea, space } = Object.fromEntries((await profile()).counted.map(({ value, chosen }) => [value, chosen]));
  assert.deepEqual([sea, space], [0, 0], "names come back with what is proposed, what was chosen does not");
});

test("after a reload names are known again of what is proposed, and so are reasons", async () => {
  await open(on.page, OPTIONS);
  await visit([3]);
  assert.ok((await visit([])).includes("item-3"));
  await on.page.reload();
  await open(on.page, OPTIONS, null);
  const unnamed = await profile();
  assert.deepEqual([unnamed.evidence, unnamed.recent.map(({ kind }) => kind)], [1, ["click"]]);
  assert.ok((await visit([])).includes("item-3"), "the reason is named by the candidates themselves");
  assert.deepEqual(deeds(await profile()), ["click item-3"]);
});

test("how both orders did is told once slates are closed", async () => {
  await open(on.page, { ...OPTIONS, policy: { ...OPTIONS.policy, interleaveEvery: 1 } });
  const none = { slates: 0, interleaved: { server: 0, personal: 0, neither: 0 }, clicksIgnored: 0 };
  assert.deepEqual(await call(on.page, "report"), none);
  for (let n = 0; n < 9; n++) await visit([3]);
  const { slates, server, personal, difference } = await call<Report>(on.page, "report");
  // The first is the server's: nothing was known. Four are open still.
  assert.equal(slates, 4);
  assert.ok(server && personal && difference);
  for (const { estimate, low, high } of [server, personal, difference]) assert.ok(low <= estimate && estimate <= high);
  // Item 3 is the server's last and this device's first: whichever stands first, it is this device's pick.
  assert.deepEqual([server.estimate, personal.estimate, difference.estimate], [0, 1, 1]);
});

test("a device over a store in memory is apart from the tabs of its task", async () => {
  await open(on.page, OPTIONS);
  await visit([3]);
  const other = await on.tab();
  const rho = await other.evaluate(async (options) => {
    const entry = "/index.js";
    const thread = "/worker.js";
    const { createPersonalizer } = await import(entry);
    const { leader, helper } = await (await fetch("/v1/identity")).json();
    const values = new Map<string, Uint8Array>();
    const storage = {
      kind: "memory",
      lasting: true,
      get: async (key: string) => values.get(key),
      keys: async (prefix: string) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
      put: async (changes: Record<string, Uint8Array | undefined>) => {
        for (const [key, value] of Object.entries(changes)) {
          if (value) values.set(key, value);
          else values.delete(key);
        }
      },
      clear: async () => undefined,
      alone: async <T>(_: string, work: () => Promise<T>) => work(),
    };
    const aggregators = { leader: { url: "/", key: leader }, helper: { key: helper } };
    const whole = {
      ...options,
      aggregators,
      backend: "scalar",
      schedule: "manual",
      worker: (await import(thread)).serve,
      storage,
      allowEvictable: true,
    };
    const personalizer: Personalizer = await createPersonalizer(whole);
    Object.assign(globalThis, { personalizer });
    await personalizer.consent({ personalise: true, contribute: true });
    await personalizer.contribute();
    return (await personalizer.status()).rhoSpent;
  }, OPTIONS);
  assert.ok(rho > 0);
  assert.equal((await call<{ events: number }>(other, "status")).events, 0);
  const mine = await call<{ events: number; rhoSpent: number }>(on.page, "status");
  assert.deepEqual([mine.events > 0, mine.rhoSpent], [true, 0]);
});
