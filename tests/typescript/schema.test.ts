// Types are tests: each line below compiles, or fails to where it says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createPersonalizer, defineSchema, type Personalizer } from "../../web/ts/index.ts";

const schema = defineSchema({ events: ["click", "like"], dense: ["age"], attributes: ["topic"] });
const plain = defineSchema({ events: ["click"] });

export async function typed(personalizer: Personalizer<typeof schema>): Promise<void> {
  const item = { id: "1", embedding: [1], dense: { age: 3 }, attributes: { topic: ["sea", "food"] } };
  await personalizer.record({ kind: "like", item });
  // @ts-expect-error a kind that the schema does not have
  await personalizer.record({ kind: "save", item });
  // @ts-expect-error a kind that nobody has
  await personalizer.record({ kind: "clack", item });
  // @ts-expect-error a number is missing
  await personalizer.record({ kind: "like", item: { id: "1", embedding: [1] } });
  // @ts-expect-error the number has another name
  await personalizer.record({ kind: "like", item: { id: "1", embedding: [1], dense: { aeg: 3 } } });
  // @ts-expect-error the attribute has another name
  await personalizer.record({ kind: "like", item: { ...item, attributes: { topics: "sea" } } });
  const { items } = await personalizer.rerank([{ ...item, score: 1, title: "what an application adds" }]);
  items[0]?.title satisfies string | undefined;
  // @ts-expect-error a candidate has the server's score
  await personalizer.rerank([item]);
  // @ts-expect-error and every number
  await personalizer.rerank([{ id: "1", embedding: [1], score: 1 }]);
}

export async function inferred(): Promise<void> {
  const personalizer = await createPersonalizer({ head: "/my.head", schema });
  personalizer satisfies Personalizer<typeof schema>;
  const named = await createPersonalizer<typeof plain>({ head: "/my.head" });
  await named.record({ kind: "click", item: { id: "1", embedding: [] } });
  // @ts-expect-error a kind that the schema does not have
  await named.record({ kind: "like", item: { id: "1", embedding: [] } });
  // @ts-expect-error a schema of kinds that nobody has
  defineSchema({ events: ["clack"] });
  const loose = await createPersonalizer({ head: "/my.head" });
  await loose.record({ kind: "save", item: { id: "1", embedding: [], dense: { any: 1 }, attributes: { any: "x" } } });
  const dry = await loose.contribute({ dryRun: true });
  dry.gradient satisfies Float32Array;
  const receipt = await loose.contribute();
  // @ts-expect-error a receipt holds nothing from before the noise
  void receipt.gradient;
}

test("outside of a browser the server's order stands, and nothing is remembered", async () => {
  const personalizer = await createPersonalizer({ task: "ssr", head: "/my.head", schema });
  const item = (id: string, score: number) => ({ id, score, embedding: [1], dense: { age: 3 } });
  const slate = await personalizer.rerank([item("a", 1), item("b", 3), item("c", 3)], { limit: 2 });
  assert.deepEqual(
    slate.items.map(({ id }) => id),
    ["b", "c"],
  );
  await slate.shown();
  assert.equal(await personalizer.record({ kind: "like", item: item("a", 1) }), false);
  assert.equal(await personalizer.train(), false);
  await assert.rejects(personalizer.contribute(), { code: "worker-failed" });
  assert.deepEqual(await personalizer.consent({ personalise: true }), { personalise: false, contribute: false });
  const { storage, order, because = "", events } = await personalizer.status();
  assert.deepEqual([storage, order, events], ["none", "server", 0]);
  assert.match(because, /on a server nothing is remembered/);
  assert.deepEqual((await personalizer.profile()).recent, []);
  assert.equal((await personalizer.report()).slates, 0);
  assert.equal((await personalizer.export()).length, 0);
  await personalizer.pause();
  await personalizer.resume();
  assert.deepEqual([await personalizer.forget({ item: "a" }), await personalizer.refresh()], [0, false]);
  assert.deepEqual((await personalizer.erase()).kept, []);
  assert.match(await personalizer.audit.export(), /"ledger": \[\]/);
  assert.notEqual(await createPersonalizer({ task: "ssr", head: "/my.head", schema }), personalizer);
  await personalizer.close();
});

test("to import the package, or its worker, does nothing", async () => {
  const before = Object.keys(globalThis);
  await import("../../web/ts/index.ts");
  await import("../../worker/worker.ts");
  assert.deepEqual(Object.keys(globalThis), before);
});
