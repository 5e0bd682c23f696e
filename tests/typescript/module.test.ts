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

for (const name of ["rank", "full"]) {
  test(`the simulator's sampler is not in ${name}, nor noise that is none`, () => {
    const has = linked(name);
    assert.ok(has(inCore("memory")), "the module no longer names its functions: look for something else");
    for (const path of [inCore("noise::sampler"), inCore("noise::unnoised"), "Unnoised", "DiscreteGaussian", "prio"]) {
      assert.ok(!has(path), path);
    }
  });
}

test("what it takes to release anything is in the full module alone", () => {
  const [rank, full] = [linked("rank"), linked("full")];
  for (const path of [inCore("noise"), inCore("gpu"), "opendp", "hpke", "wgpu"]) {
    assert.ok(full(path), path);
    assert.ok(!rank(path), path);
  }
});
