// What the modules that ship are made of, by the names of their functions before these are taken away.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** What is linked into a module: the names of its functions hold the path of each. */
function linked(name: string, build = ""): (path: string) => boolean {
  const file = new URL(`../../web/pkg/${name}${build}/${name}_named.wasm`, import.meta.url);
  const module = readFileSync(file).toString("latin1");
  return (path) => new RegExp(path).test(module);
}

/** A crate's hash stands between its name and what is in it. */
const inCore = (path: string) => `privet\\[[0-9a-f]+\\]::${path}`;

for (const [name, part, build] of [
  ["rank", "memory", ""],
  ["rank", "memory", "_scalar"],
  ["full", "noise", ""],
  ["full", "noise", "_scalar"],
] as const) {
  test(`the simulator's sampler is not in ${name}${build}, nor noise that is none`, () => {
    const has = linked(name, build);
    assert.ok(has(inCore(part)), "the module no longer names its functions: look for something else");
    for (const path of [inCore("noise::sampler"), inCore("noise::unnoised"), "Unnoised", "DiscreteGaussian", "prio"]) {
      assert.ok(!has(path), path);
    }
  });
}

for (const build of ["", "_scalar"]) {
  const [rank, full] = [linked("rank", build), linked("full", build)];

  test(`what it takes to release anything is in full${build} alone`, () => {
    for (const path of [inCore("noise"), inCore("gpu"), inCore("ledger::state"), "opendp", "hpke", "wgpu"]) {
      assert.ok(full(path), path);
      assert.ok(!rank(path), path);
    }
  });

  test(`the profile, and what makes an order of it, is in rank${build} alone`, () => {
    for (const path of ["profile", "order", "running"].map(inCore)) {
      assert.ok(rank(path), path);
      assert.ok(!full(path), path);
    }
  });
}
