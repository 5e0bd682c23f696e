// What goes from the module that ranks to the one that releases, and back: bytes, and the same on both sides.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as release from "../../web/pkg/release/release.js";
import * as rank from "../../web/pkg/rank/rank.js";
import { coreOf } from "../core.ts";

const file = (path: string) => readFileSync(new URL(path, import.meta.url));
rank.initSync({ module: file("../../web/pkg/rank/rank_bg.wasm") });
release.initSync({ module: file("../../web/pkg/release/release_bg.wasm") });

const HEAD = file("../fuzz/corpus/head/good");
const NONE = new Uint8Array();
const START_MS = Date.UTC(2026, 0, 5);
const KEY = new Uint8Array(32);

const open = () => rank.Ranker.local(new rank.Terms("demo", KEY, undefined, new Float64Array()), HEAD);
/** A preview of these new examples under a head. */
const preview = (examples: Uint8Array, head = HEAD) => coreOf(release, head, examples).ask("preview");

/** Items that are all a little different, each its own direction. */
function items(places: number[]) {
  const lengths = Uint32Array.from(places.flatMap(() => [16, 0, 0]));
  const embedding = (n: number) => Array.from({ length: 16 }, (_, i) => (i === n % 16 ? 1 : ((n * 7 + i) % 5) / 10));
  const numbers = Float32Array.from(places.flatMap((n) => [-n / 100, ...embedding(n)]));
  const names = places.map((n) => `item-${n}`);
  return new rank.Items(lengths, numbers, new Uint16Array(), names);
}

/** What a user does at one moment: looks at a slate, and chooses something of it, or something beside it. */
function act(device: rank.Ranker, n: number): void {
  const ms = START_MS + n * 1_000_003;
  const candidates = items([0, 1, 2, 3, 4].map((i) => (n * 3 + i) % 40));
  const none = new Uint32Array();
  const slate = device.rerank(candidates, 0, 0, none, none, new Float32Array(), ms, 60);
  if (n % 3 === 0) device.shown(slate.id);
  device.record("click", items([(n * 5) % 40]), 0, n % 2 === 0 ? slate.id : undefined, ms, 60);
  slate.free();
}

/** Everything that there is to learn is learnt. */
const learn = (device: rank.Ranker) => {
  while (device.train(1000));
};

function ranking(device: rank.Ranker) {
  const places = Array.from({ length: 40 }, (_, n) => n);
  const none = new Uint32Array();
  const ms = START_MS + 1e9;
  const slate = device.rerank(items(places), 0, 0.3, none, none, new Float32Array(), ms, 60);
  const { order, server, shared, personal, because } = slate;
  slate.free();
  return { order, server, shared, personal, because };
}

/** The draw of an interleaving is random: these tests want the same one every time. */
Math.random = () => 0.5;

const refused = (work: () => Promise<unknown>, code: string) =>
  assert.rejects(work, (error: { code?: string }) => error.code === code);

test("the module that releases reads what the one that ranks hands over, whole, and nothing else", async () => {
  const device = open();
  for (let n = 0; n < 80; n++) act(device, n);
  device.train(0);
  const fresh = device.fresh();
  assert.deepEqual(device.fresh(), fresh, "to look changes nothing");
  // What is read is asked next for its round, and here there is none.
  await refused(() => preview(fresh), "round-refused");
  for (const damaged of [fresh.subarray(1), fresh.subarray(0, -1), Uint8Array.of(...fresh, 0), NONE]) {
    await refused(() => preview(damaged), "state-damaged");
  }
  await refused(() => preview(fresh, file("../fuzz/corpus/head/rich")), "state-damaged");
});

test("what was contributed is not handed over again", () => {
  const device = open();
  const nothing = device.fresh();
  for (let n = 0; n < 20; n++) act(device, n);
  assert.ok(device.fresh().length > nothing.length);
  device.contributed();
  assert.equal(device.fresh().length, nothing.length);
});

test("a device that was put down in the middle of learning is one that never was, bit for bit", () => {
  const [stayed, before] = [open(), open()];
  for (let n = 0; n < 80; n++) [stayed, before].forEach((device) => act(device, n));
  // One step of all that there are.
  [stayed, before].forEach((device) => device.train(0));
  assert.ok(before.owed > 0, "there is something left to learn");
  const after = open();
  after.import(before.export(), false);
  assert.deepEqual(after.export(), before.export());
  before.free();
  for (let n = 80; n < 120; n++) [stayed, after].forEach((device) => act(device, n));
  [stayed, after].forEach(learn);
  assert.deepEqual(after.export(), stayed.export());
  assert.deepEqual(ranking(after), ranking(stayed));
  assert.deepEqual(after.fresh(), stayed.fresh());
});

test("a damaged export is not taken back", () => {
  const [device, other] = [open(), open()];
  act(device, 1);
  const bytes = device.export();
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  assert.throws(
    () => other.import(bytes, false),
    (error: { code?: string }) => error.code === "state-damaged",
  );
  assert.equal(other.events, 0);
});
