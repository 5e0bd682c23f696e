// The profile on disk, over a store that fails, is slow, or holds what nobody wrote.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Journal, type Line } from "../../worker/journal.ts";
import { unpack } from "../../worker/pack.ts";
import { refusal } from "../../worker/refusal.ts";
import { type Changes, MemoryStore } from "../../worker/store.ts";

/** Keeps what it is given, once what stands before that is over: time that a write takes, or its failure. */
class Slow extends MemoryStore {
  readonly writes: string[][] = [];
  before: Promise<void> | undefined;

  override async put(changes: Changes): Promise<void> {
    const { before } = this;
    this.before = undefined;
    this.writes.push(Object.keys(changes));
    await before;
    return super.put(changes);
  }
}

const line = (n: number): Line => ({ call: "record", args: [n] });
const mark = (call: number, tab = "a") => ({ tab, call });
const event = (n: number) => `demo/event/${String(n).padStart(12, "0")}`;
const full = () => Promise.reject(refusal("storage-full", "there is no room"));

/** Another session over the same store: what it loads, and what it does again. */
async function reopened(store: MemoryStore) {
  const journal = new Journal(store, "demo/");
  const snapshots: Uint8Array[] = [];
  const lines: unknown[] = [];
  const any = await journal.restore(
    journal.read(),
    (snapshot) => snapshots.push(snapshot),
    ({ args }) => lines.push(args[0]),
  );
  return { journal, any, snapshots, lines };
}

test("what was appended is done again in its order, after the snapshot, and numbers go on", async () => {
  const store = new Slow();
  const { journal, any } = await reopened(store);
  assert.deepEqual([any, journal.isEmpty], [false, true]);
  await journal.append(line(1), mark(1));
  await journal.replace(Uint8Array.of(7), mark(2));
  await journal.append(line(3), mark(3));
  await journal.append(line(4), mark(4));
  const again = await reopened(store);
  assert.deepEqual([again.any, again.snapshots, again.lines], [true, [Uint8Array.of(7)], [3, 4]]);
  await again.journal.append(line(5), mark(5));
  assert.deepEqual((await reopened(store)).lines, [3, 4, 5]);
  assert.deepEqual(await store.keys("demo/event/"), [event(1), event(2), event(3)]);
});

test("a call that is in the profile is not new, in this session or the next", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  await journal.append(line(1), mark(4));
  await journal.replace(Uint8Array.of(7), mark(2, "b"));
  for (const known of [journal, (await reopened(store)).journal]) {
    const calls = [mark(4), mark(5), mark(2, "b"), mark(3, "b"), mark(1, "c")];
    assert.deepEqual(
      calls.map((call) => known.isNew(call)),
      [false, true, false, true, true],
    );
  }
});

test("of so many tabs the one that was heard of longest ago is forgotten", async () => {
  const { journal } = await reopened(new Slow());
  for (let n = 0; n < 64; n++) await journal.append(line(n), mark(9, `tab-${n}`));
  await journal.append(line(64), mark(10, "tab-0"));
  await journal.append(line(65), mark(9, "tab-64"));
  assert.equal(journal.isNew(mark(9, "tab-1")), true);
  assert.equal(journal.isNew(mark(9, "tab-0")), false, "it was heard of again");
});

test("one write at a time: what comes meanwhile goes together with the next", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  let go = () => {};
  store.before = new Promise((resolve) => (go = resolve));
  const first = journal.append(line(0), mark(1));
  await new Promise(setImmediate);
  const rest = [journal.append(line(1), mark(2)), journal.append(line(2), mark(3))];
  await new Promise(setImmediate);
  assert.deepEqual(store.writes, [[event(0)]]);
  go();
  await Promise.all([first, ...rest]);
  assert.deepEqual(store.writes, [[event(0)], [event(1), event(2)]]);
});

test("a line whose write failed is told of, and goes with the next one", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  store.before = full();
  await assert.rejects(journal.append(line(0), mark(1)), { code: "storage-full" });
  await journal.settled();
  assert.deepEqual(await store.keys(""), []);
  await journal.append(line(1), mark(2));
  assert.deepEqual((await reopened(store)).lines, [0, 1]);
});

test("a snapshot leaves none of the lines before it, though their write is on its way, or failed", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  let fail = (_: Error) => {};
  store.before = new Promise((_, reject) => (fail = reject));
  const first = journal.append(line(0), mark(1));
  await new Promise(setImmediate);
  const whole = journal.replace(Uint8Array.of(7), mark(2));
  fail(refusal("storage-full", "there is no room"));
  await assert.rejects(first, { code: "storage-full" });
  await whole;
  assert.deepEqual(await store.keys("demo/"), ["demo/marks", "demo/profile"]);
  assert.deepEqual(unpack((await store.get("demo/marks")) as Uint8Array), [["a", 2]]);
});

test("what a call was refused for is stored before anybody is told that it is known", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  store.before = full();
  await assert.rejects(journal.append(line(0), mark(1)), { code: "storage-full" });
  assert.equal(journal.isNew(mark(1)), false);
  store.before = full();
  await assert.rejects(journal.flush(), { code: "storage-full" });
  await journal.flush();
  assert.deepEqual((await reopened(store)).lines, [0]);
  const { length } = store.writes;
  await journal.flush();
  assert.equal(store.writes.length, length, "nothing is left to store");
});

test("no line of a damaged journal comes back behind a profile that took its place", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  for (const n of [1, 2, 3]) await journal.append(line(n), mark(n));
  await store.put({ [event(1)]: Uint8Array.of(1, 2, 3) });
  const { journal: damaged } = await reopened(store);
  assert.equal(damaged.damaged, "state-damaged");
  damaged.damaged = undefined;
  await damaged.replace(Uint8Array.of(7), mark(4));
  const { any, snapshots, lines } = await reopened(store);
  assert.deepEqual([any, snapshots, lines], [true, [Uint8Array.of(7)], []]);
});

test("who waits for the last write hears nothing of its failure", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  store.before = full();
  const failed = journal.append(line(0), mark(1));
  await Promise.all([journal.settled(), assert.rejects(failed)]);
});

test("so many lines are long, until a snapshot takes their place", async () => {
  const { journal } = await reopened(new Slow());
  for (let n = 0; n < 127; n++) await journal.append(line(n), mark(n + 1));
  assert.equal(journal.isLong, false);
  await journal.append(line(127), mark(128));
  assert.equal(journal.isLong, true);
  await journal.replace(Uint8Array.of(7));
  assert.equal(journal.isLong, false);
});

const DAMAGE: [what: string, code: string, hurt: (store: MemoryStore) => Promise<void>][] = [
  ["bytes that are no line", "state-damaged", (store) => store.put({ [event(1)]: Uint8Array.of(1, 2, 3) })],
  ["marks that are none", "state-damaged", (store) => store.put({ "demo/marks": Uint8Array.of(9, 9, 9, 9, 9) })],
  [
    "a line that the store does not give",
    "state-damaged",
    async (store) => {
      const { get } = store;
      store.get = async (key) => (key === event(0) ? undefined : get.call(store, key));
    },
  ],
  [
    "a store whose seal is broken",
    "storage-unavailable",
    async (store) => {
      store.get = async () => Promise.reject(refusal("storage-unavailable", "its key is gone"));
    },
  ],
];

for (const [what, code, hurt] of DAMAGE) {
  test(`${what}: it is refused by its code, and nothing is written over it`, async () => {
    const store = new Slow();
    const { journal } = await reopened(store);
    await journal.replace(Uint8Array.of(7), mark(1));
    await journal.append(line(1), mark(2));
    await journal.append(line(2), mark(3));
    await hurt(store);
    const { any, journal: damaged } = await reopened(store);
    assert.deepEqual([any, damaged.damaged], [false, code]);
    const { length } = store.writes;
    await damaged.append(line(3), mark(4));
    await damaged.replace(Uint8Array.of(8));
    assert.equal(store.writes.length, length);
  });
}

test("a profile that the core refuses is refused by the core's code", async () => {
  const store = new Slow();
  const { journal } = await reopened(store);
  await journal.replace(Uint8Array.of(7));
  const load = () => {
    throw refusal("state-version", "it is of another version");
  };
  assert.equal(await journal.restore(journal.read(), load, () => undefined), false);
  assert.equal(journal.damaged, "state-version");
});
