// What the modules that ship are made of, by the names of their functions before these are taken away.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** What is linked into a module: the names of its functions hold the path of each. */
function linked(name: string): (path: string) => boolean {
  const module = readFileSync(new URL(`../../web/pkg/${name}/${name}_named.wasm`, import.meta.url)).toString("latin1");
  return (path) => new RegExp(path).test(module);
}

/** A crate's hash stands between its name and what is in it. */
const inCore = (path: string) => `privet\\[[0-9a-f]+\\]::${path}`;

for (const [name, part] of [
  ["rank", "memory"],
  ["full", "noise"],
] as const) {
  test(`the simulator's sampler is not in ${name}, nor noise that is none`, () => {
    const has = linked(name);
    assert.ok(has(inCore(part)), "the module no longer names its functions: look for something else");
    for (const path of [inCore("noise::sampler"), inCore("noise::unnoised"), "Unnoised", "DiscreteGaussian", "prio"]) {
      assert.ok(!has(path), path);
    }
  });
}

test("what it takes to release anything is in the full module alone", () => {
  const [rank, full] = [linked("rank"), linked("full")];
  for (const path of [inCore("noise"), inCore("gpu"), inCore("ledger::state"), "opendp", "hpke", "wgpu"]) {
    assert.ok(full(path), path);
    assert.ok(!rank(path), path);
  }
});

test("the profile, and what makes an order of it, is in the module that ranks alone", () => {
  const [rank, full] = [linked("rank"), linked("full")];
  for (const path of ["profile", "order", "running"].map(inCore)) {
    assert.ok(rank(path), path);
    assert.ok(!full(path), path);
  }
});
