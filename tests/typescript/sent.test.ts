// The log of what was sent, over a store that fails at the wrong time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../../worker/refusal.ts";
import { type Sending, Sent } from "../../worker/sent.ts";
import { MemoryStore } from "../../worker/store.ts";

const sending = (round: number): Omit<Sending, "noised"> => ({
  ...{ time: 1000 + round, method: "PUT", url: "https://leader.example/", headers: { a: "b" }, task: "news", round },
  ...{ id: "00ff", bytes: Uint8Array.of(1, 2, round), token: false },
});

test("a sending is written before it leaves, and its answer is written to it", async () => {
  const store = new MemoryStore();
  const sent = new Sent(store, "news/");
  const first = await sent.begin(sending(1));
  const second = await sent.begin(sending(2));
  assert.deepEqual(await sent.all(), [sending(1), sending(2)]);
  await second({ status: 200, count: 3, minCohort: 100 });
  await first({ status: 0 });
  const answers = (await new Sent(store, "news/").all()).map(({ answer }) => answer);
  assert.deepEqual(answers, [{ status: 0 }, { status: 200, count: 3, minCohort: 100 }], "in the order of sending");
});

test("the latest 64 are kept, their numbers go on in another session, and another task's are its own", async () => {
  const store = new MemoryStore();
  await new Sent(store, "other/").begin(sending(999));
  for (let round = 0; round < 70; round++) await new Sent(store, "news/").begin(sending(round));
  const rounds = (await new Sent(store, "news/").all()).map(({ round }) => round);
  assert.deepEqual(
    rounds,
    Array.from({ length: 64 }, (_, n) => n + 6),
  );
  assert.deepEqual(
    (await new Sent(store, "other/").all()).map(({ round }) => round),
    [999],
  );
});

test("where it cannot be written nothing may leave, and what was there stays", async () => {
  const store = new MemoryStore();
  const sent = new Sent(store, "news/");
  const answer = await sent.begin(sending(1));
  const { put } = store;
  store.put = () => Promise.reject(refusal("storage-full", "there is no room"));
  await assert.rejects(sent.begin(sending(2)), { code: "storage-full" });
  await assert.rejects(answer({ status: 200 }), { code: "storage-full" });
  store.put = put;
  assert.deepEqual(await sent.all(), [sending(1)]);
});

test("one that was deleted while it was read is left out", async () => {
  const store = new MemoryStore();
  const sent = new Sent(store, "news/");
  await sent.begin(sending(1));
  await sent.begin(sending(2));
  const { keys } = store;
  store.keys = async (prefix) => {
    const found = await keys.call(store, prefix);
    await store.put({ [found[0]!]: undefined });
    return found;
  };
  assert.deepEqual(await sent.all(), [sending(2)]);
});
