// A head out of names: the module reads what the package writes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as rank from "../../web/pkg/rank/rank.js";
import { createHead, type HeadDescription } from "../../web/ts/create_head.ts";

rank.initSync({ module: readFileSync(new URL("../../web/pkg/rank/rank_bg.wasm", import.meta.url)) });
const terms = () => new rank.Terms("local", new Uint8Array(), undefined, new Float64Array());
const opened = (description: HeadDescription) => rank.Ranker.local(terms(), createHead(description));

test("items and acts are known by the names that were given", () => {
  const device = opened({
    embedding: 24,
    dense: ["length", { name: "hours", offset: 12, scale: 24 }],
    attributes: ["topic", { name: "source", rate: 0.03, strength: 20 }],
    kinds: ["impression", "dwell", { name: "hide", label: -0.5 }],
  });
  const names = [
    ["length", "hours"],
    ["topic", "source"],
    ["impression", "dwell", "hide"],
  ];
  assert.deepEqual(
    [0, 1, 2].map((of) => device.names(of)),
    names,
  );
});

test("the same names are the same head, byte for byte, and others another", () => {
  const bytes = (description: HeadDescription) => Buffer.from(createHead(description)).toString("hex");
  assert.equal(bytes({ embedding: 16 }), bytes({ embedding: 16, kinds: ["impression", "click", "like", "dismiss"] }));
  assert.notEqual(bytes({ embedding: 16 }), bytes({ embedding: 16, attributes: ["topic"] }));
});

test("what no head could have is refused by its name", () => {
  const code = (description: unknown) => {
    try {
      opened(description as HeadDescription);
      return "open";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  assert.equal(code({ embedding: 16 }), "open");
  assert.equal(code({}), "argument-refused");
  assert.equal(code({ embedding: 16, kinds: ["clack"] }), "argument-refused");
  for (const odd of [-16, 2 ** 16 + 16, 16.5, "16"])
    assert.equal(code({ embedding: odd }), "argument-refused", `${odd}`);
  for (const odd of [7, "x".repeat(70_000)])
    assert.equal(code({ embedding: 16, attributes: [{ name: odd }] }), "argument-refused");
  for (const scale of [0, NaN, Infinity])
    assert.equal(code({ embedding: 16, dense: [{ name: "hours", scale }] }), "schema-refused", `${scale}`);
  for (const odd of [{ embedding: 18 }, { embedding: 16, attributes: ["a", "a"] }])
    assert.equal(code(odd), "schema-refused", JSON.stringify(odd));
});
