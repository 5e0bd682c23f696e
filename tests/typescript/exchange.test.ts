// The full module takes the place of the one that ranks: what was remembered goes on there as if nothing had happened.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as full from "../../web/pkg/full/full.js";
import * as rank from "../../web/pkg/rank/rank.js";

const file = (path: string) => readFileSync(new URL(path, import.meta.url));
rank.initSync({ module: file("../../web/pkg/rank/rank_bg.wasm") });
full.initSync({ module: file("../../web/pkg/full/full_bg.wasm") });

type Device = rank.Device | full.Device;
const HEAD = file("../fuzz/corpus/head/good");
const NONE = new Uint8Array();
const START_MS = Date.UTC(2026, 0, 5);

async function open(module: typeof rank | typeof full): Promise<Device> {
  const terms = new module.Terms("demo", new Uint8Array(32));
  const opened = (module.Device.open as (...args: unknown[]) => Device | Promise<Device>)(
    terms,
    NONE,
    HEAD,
    NONE,
    false,
  );
  return opened;
}

/** Items that are all a little different, each its own direction. */
function items(module: typeof rank | typeof full, places: number[]) {
  const lengths = Uint32Array.from(places.flatMap(() => [16, 0, 0]));
  const embedding = (n: number) => Array.from({ length: 16 }, (_, i) => (i === n % 16 ? 1 : ((n * 7 + i) % 5) / 10));
  const numbers = Float32Array.from(places.flatMap((n) => [-n / 100, ...embedding(n)]));
  const names = places.map((n) => `item-${n}`);
  return new module.Items(lengths, numbers, new Uint16Array(), names);
}

/** What a user does at one moment: looks at a slate, and chooses something of it, or something beside it. */
function act(module: typeof rank | typeof full, device: Device, n: number): void {
  const ms = START_MS + n * 1_000_003;
  const candidates = items(
    module,
    [0, 1, 2, 3, 4].map((i) => (n * 3 + i) % 40),
  );
  const none = new Uint32Array();
  const slate = device.rerank(candidates as never, 0, 0, none, none, new Float32Array(), ms, 60);
  if (n % 3 === 0) device.shown(slate.id);
  device.record("click", items(module, [(n * 5) % 40]) as never, 0, n % 2 === 0 ? slate.id : undefined, ms, 60);
  slate.free();
}

/** Everything that there is to learn is learnt. */
const learn = (device: Device) => {
  while (device.train(1000));
};

function ranking(module: typeof rank | typeof full, device: Device) {
  const places = Array.from({ length: 40 }, (_, n) => n);
  const none = new Uint32Array();
  const ms = START_MS + 1e9;
  const slate = device.rerank(items(module, places) as never, 0, 0.3, none, none, new Float32Array(), ms, 60);
  const { order, server, shared, personal, because } = slate;
  slate.free();
  return { order, server, shared, personal, because };
}

/** The draw of an interleaving is random: these tests want the same one every time. */
Math.random = () => 0.5;

test("both modules make the same of the same events, bit for bit", async () => {
  const [ranker, whole] = [await open(rank), await open(full)];
  for (let n = 0; n < 120; n++) {
    act(rank, ranker, n);
    act(full, whole, n);
  }
  learn(ranker);
  learn(whole);
  assert.deepEqual(ranker.export(), whole.export());
  assert.deepEqual(ranking(rank, ranker), ranking(full, whole));
});

test("a device that was exchanged in the middle of learning is one that never was, bit for bit", async () => {
  const stayed = await open(rank);
  const before = await open(rank);
  for (let n = 0; n < 80; n++) [stayed, before].forEach((device) => act(rank, device, n));
  // One step of all that there are.
  [stayed, before].forEach((device) => device.train(0));
  assert.ok(before.owed > 0, "there is something left to learn");
  const after = await open(full);
  after.import(before.export(), false);
  assert.deepEqual(after.export(), before.export());
  before.free();
  for (let n = 80; n < 120; n++) {
    act(rank, stayed, n);
    act(full, after, n);
  }
  learn(stayed);
  learn(after);
  assert.deepEqual(after.export(), stayed.export());
  assert.deepEqual(ranking(full, after), ranking(rank, stayed));
});

test("what is exchanged is not taken back from a damaged export", async () => {
  const [ranker, whole] = [await open(rank), await open(full)];
  act(rank, ranker, 1);
  const bytes = ranker.export();
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  assert.throws(
    () => whole.import(bytes, false),
    (error: { code?: string }) => error.code === "state-damaged",
  );
  assert.equal(whole.events, 0);
});
