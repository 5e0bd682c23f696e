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

/** In any of the core's crates. A crate's hash stands between its name and what is in it. */
const inCore = (path: string) => `privet_\\w+\\[[0-9a-f]+\\]::${path}`;
/** What is of this crate. */
const ofCrate = (name: string) => `privet_${name}\\[`;

for (const [name, part, build] of [
  ["rank", "memory", ""],
  ["rank", "memory", "_scalar"],
  ["release", "noise", ""],
  ["release", "noise", "_scalar"],
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
  const [rank, release] = [linked("rank", build), linked("release", build)];

  test(`what it takes to release anything is in release${build} alone`, () => {
    for (const path of [ofCrate("release"), ofCrate("gpu"), inCore("ledger::state"), "opendp", "hpke", "wgpu"]) {
      assert.ok(release(path), path);
      assert.ok(!rank(path), path);
    }
  });

  test(`the profile, and what makes an order of it, is in rank${build} alone`, () => {
    for (const path of [...["profile", "order", "running"].map(inCore), ofCrate("ranker"), ofCrate("decide")]) {
      assert.ok(rank(path), path);
      assert.ok(!release(path), path);
    }
  });
}

/**
 * What the releasing module takes and hands out, each of its types' own names. What stands before the noise leaves it in the
 * answer to `ask("preview")` alone, and what a descent comes to not at all: it is computed inside.
 */
const HANDED_OUT = {
  Participation: [
    ...["acknowledged", "answered", "ask", "backend", "chosen", "computeBy", "contribute", "forgotten", "gaveUp"],
    ...["giveBack", "keysAre", "published", "refused", "score", "session", "tokensAre", "trouble", "tune"],
  ],
  Shaders: [],
  Terms: [],
  Tuned: ["state", "steps"],
  "": ["epsilon", "inspect", "openShaders"],
};

/** What wasm-bindgen adds, and nobody calls by hand. */
const MACHINERY =
  /^(__wbindgen_|__externref_|__abort_handler$|__instance_terminated$|memory$|wasm_bindgen_|__wbg_\w+_free$)/;

for (const build of ["", "_scalar"]) {
  test(`release${build} exports what is listed here, and no other way to a vector`, () => {
    const file = new URL(`../../web/pkg/release${build}/release_named.wasm`, import.meta.url);
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(readFileSync(file))).map(({ name }) => name);
    const functions = exported.filter((name) => !MACHINERY.test(name)).sort();
    const listed = Object.entries(HANDED_OUT).flatMap(([type, names]) => {
      const owner = type.toLowerCase();
      const fields = type === "Tuned";
      return names.map((name) => (fields ? `__wbg_get_${owner}_${name}` : owner ? `${owner}_${name}` : name));
    });
    assert.deepEqual(functions, [...listed, "participation_new", "terms_new"].sort());
  });
}

/** What the core may ask its worker for. Of these, bytes are handed to `write` (a store) and `upload` alone. */
const ASKED_FOR = [
  ...["cancel", "contributed", "failed", "keepProfile", "keys", "lock", "newExamples", "now", "persisted", "progress"],
  ...["read", "refresh", "replied", "timer", "tokens", "unlock", "upload", "write"],
];

test("the core asks its worker for what is listed here", () => {
  const source = readFileSync(new URL("../../web/src/participation.rs", import.meta.url), "utf8");
  const [, ways = ""] = /pub type ContributionHost;(.*?)\n}/s.exec(source) ?? [];
  const names = [...ways.matchAll(/(?:js_name = (\w+)\)\]\s+)?fn (\w+)\(this/g)].map(
    ([, js, rust]) => js ?? rust ?? "",
  );
  assert.deepEqual(names.sort(), ASKED_FOR);
});

test("the glue around it has these classes and no more, each with these names", async () => {
  const glue = (await import("../../web/pkg/release/release.js")) as Record<string, unknown>;
  const classes = Object.keys(HANDED_OUT).filter((name) => name);
  assert.deepEqual(Object.keys(glue).sort(), [...classes, ...HANDED_OUT[""], "default", "initSync"].sort());
  for (const name of classes) {
    const type = glue[name] as { prototype: object };
    const own = [...Object.getOwnPropertyNames(type.prototype), ...Object.getOwnPropertyNames(type)];
    const plain = ["constructor", "free", "__destroy_into_raw", "__wrap", "length", "name", "prototype"];
    const names = own.filter((own) => !plain.includes(own));
    assert.deepEqual(names.sort(), [...HANDED_OUT[name as keyof typeof HANDED_OUT]].sort(), name);
  }
});
