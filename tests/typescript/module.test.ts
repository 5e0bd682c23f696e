// What the module that ships is made of, as far as it says so itself.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const module = readFileSync(new URL("../../web/pkg/privet_bg.wasm", import.meta.url));

/** A panic names the file that it happens in: code that is linked in leaves its path. */
const linked = (path: string) => module.includes(path);

test("the simulator's sampler is not in it, nor noise that is none", () => {
  assert.ok(linked("crate/src/device.rs"), "the module no longer names its files: look for something else");
  assert.ok(!linked("noise/sampler.rs"));
  assert.ok(!linked("noise/unnoised.rs"));
  assert.ok(!linked("prio-0"), "the bench's peer");
});
