import assert from "node:assert/strict";
import { test } from "node:test";
import { itemsFrom, momentAt, requestFrom } from "../../web/ts/items.ts";

const schema = { dense: ["age", "length"], attributes: ["creator", "topic"], kinds: ["click"] };

test("items cross one after the other", () => {
  const rich = {
    id: "a",
    embedding: [1, 2],
    dense: { length: 5, age: 4, other: 9 },
    attributes: { topic: ["x", "y"] },
  };
  const plain = { id: "b", score: 0.5, embedding: Float32Array.of(3, 4), attributes: { creator: "c" } };
  const { lengths, numbers, places, names } = itemsFrom([rich, plain], schema);
  assert.deepEqual([...lengths], [2, 2, 2, 2, 0, 1]);
  assert.deepEqual([...numbers], [0, 1, 2, 4, 5, 0.5, 3, 4]);
  assert.deepEqual([...places], [1, 1, 0]);
  assert.deepEqual(names, ["a", "x", "y", "b", "c"]);
});

test("a name that the schema lacks crosses as a place that no schema has", () => {
  const { places } = itemsFrom([{ id: "a", embedding: [], attributes: { colour: "red" } }], schema);
  assert.deepEqual([...places], [65_535]);
});

test("a time carries the clock on the user's wall", () => {
  const ms = Date.UTC(2026, 6, 1);
  assert.deepEqual(momentAt(ms), { ms, offsetMin: -new Date(ms).getTimezoneOffset() });
});

test("rules cross as places, and what is unknown as a place that there is not", () => {
  const candidates = ["a", "b"].map((id) => ({ id, embedding: [] }));
  const rules = {
    pins: { b: 0, c: 1 },
    caps: { topic: 2, colour: 1 },
    freshness: { age: "length", under: 24, least: 2 },
  };
  const asked = requestFrom({ limit: 5, diversity: 0.5, rules }, candidates, schema);
  assert.deepEqual([asked.limit, asked.diversity], [5, 0.5]);
  assert.deepEqual([...asked.pins], [1, 0, 2 ** 32 - 1, 1]);
  assert.deepEqual([...asked.caps], [1, 2, 2 ** 32 - 1, 1]);
  assert.deepEqual([...asked.freshness], [1, 24, 0, 2, 2]);
  const nothing = requestFrom({}, candidates, schema);
  assert.deepEqual([nothing.caps.length, nothing.pins.length, nothing.freshness.length, nothing.limit], [0, 0, 0, 0]);
  const odd = requestFrom({ rules: { freshness: { age: "colour", under: 1 } } }, candidates, schema);
  assert.equal(odd.freshness[0], Infinity);
});
