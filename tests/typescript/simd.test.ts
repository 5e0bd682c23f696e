// The module that ranks with SIMD and without: the same bits.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as simd from "../../web/pkg/rank/rank.js";
import * as scalar from "../../web/pkg/rank_scalar/rank.js";

const file = (path: string) => readFileSync(new URL(path, import.meta.url));
const BUILDS = [
  [simd, file("../../web/pkg/rank/rank_bg.wasm")],
  [scalar, file("../../web/pkg/rank_scalar/rank_bg.wasm")],
] as const;
for (const [build, module] of BUILDS) build.initSync({ module });

const START_MS = Date.UTC(2026, 0, 5);
const NONE = new Uint32Array();

/** The draw of an interleaving is random: here it is the same one every time. */
Math.random = () => 0.5;

/** One that has all features, for a head: items of every direction, of as many attributes as the schema names. */
function life(build: typeof simd, head: Uint8Array, dimensions: number) {
  const terms = new build.Terms("demo", new Uint8Array(32), undefined, new Float64Array());
  const device = build.Ranker.local(terms, head);
  const [dense, attributes, kinds] = [0, 1, 2].map((of) => device.names(of));
  const items = (places: number[]) => {
    const lengths = places.flatMap(() => [dimensions, dense!.length, attributes!.length]);
    const numbers = places.flatMap((n) => [
      -n / 100,
      ...Array.from({ length: dimensions }, (_, i) => Math.sin(n * 1.7 + i * i)),
      ...dense!.map((_, i) => ((n * 3 + i) % 7) / 7),
    ]);
    const names = places.flatMap((n) => [`item-${n}`, ...attributes!.map((name) => `${name}-${n % 5}`)]);
    const values = places.flatMap(() => attributes!.map((_, i) => i));
    return new build.Items(Uint32Array.from(lengths), Float32Array.from(numbers), Uint16Array.from(values), names);
  };
  const rerank = (places: number[], ms: number) => {
    const slate = device.rerank(items(places), 0, 0.3, NONE, NONE, new Float32Array(), ms, 60);
    const { id, order, server, shared, personal, because, likeness } = slate;
    slate.free();
    return { id, order, server, shared, personal, because, likeness };
  };
  const slates = [];
  for (let n = 0; n < 120; n++) {
    const ms = START_MS + n * 1_000_003;
    // As many candidates as leave a rest in every lane, in turn.
    const slate = rerank(
      Array.from({ length: 1 + (n % 9) }, (_, i) => (n * 3 + i) % 40),
      ms,
    );
    slates.push(slate);
    if (n % 3 === 0) device.shown(slate.id);
    const kind = kinds![n % kinds!.length]!;
    device.record(kind, items([(n * 5) % 40]), 0, n % 2 === 0 ? slate.id : undefined, ms, 60);
    if (n % 10 === 0) while (device.train(1000));
  }
  while (device.train(1000));
  slates.push(
    rerank(
      Array.from({ length: 200 }, (_, n) => n),
      START_MS + 1e9,
    ),
  );
  const [all, fresh, report] = [device.export(), device.fresh(), device.report()];
  return { slates, all, fresh, report, told: device.told(64, START_MS + 1e9), simd: device.simd };
}

for (const [name, path, dimensions] of [
  ["16 dimensions", "../fuzz/corpus/head/good", 16],
  ["64 dimensions and attributes", "../../demo/task/first.head", 64],
] as const) {
  test(`ranking and learning come to the same bits with SIMD and without: ${name}`, () => {
    const [{ simd: has, ...one }, { simd: hasNot, ...other }] = BUILDS.map(([build]) =>
      life(build as typeof simd, file(path), dimensions),
    ) as [ReturnType<typeof life>, ReturnType<typeof life>];
    assert.deepEqual([has, hasNot], [true, false]);
    assert.deepEqual(one.all, other.all);
    assert.deepEqual(one, other);
    const last = one.slates.at(-1)!;
    assert.ok(new Set(last.personal).size > 100, "something was learnt, and of each candidate something else");
    assert.ok(last.order.some((place, n) => place !== n));
  });
}
