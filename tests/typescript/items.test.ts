import assert from "node:assert/strict";
import { test } from "node:test";
import { itemsFrom, momentAt } from "../../web/ts/items.ts";
import { Slates } from "../../web/ts/slates.ts";

const schema = { dense: ["age", "length"], attributes: ["creator", "topic"] };

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

const items = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `item-${n}`, embedding: [] }));
const ids = (found: { id: string }[]) => found.map(({ id }) => Number(id.slice(5)));

test("an event carries what stood beside its item: the nearest fifteen, of two as near the upper one first", () => {
  const slates = new Slates();
  const [short, long] = [slates.add(items(3)), slates.add(items(40))];
  const beside = (n: number, slate?: string) => {
    const { position, others } = slates.beside({ id: `item-${n}`, embedding: [] }, slate);
    return [position, ids(others)];
  };
  assert.deepEqual(beside(1, short), [2, [0, 2]]);
  assert.deepEqual(beside(20, long), [21, [19, 21, 18, 22, 17, 23, 16, 24, 15, 25, 14, 26, 13, 27, 12]]);
  assert.deepEqual(beside(0, long), [1, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]);
  assert.deepEqual(beside(1), [0, []], "no slate is named");
  assert.deepEqual(beside(7, short), [0, []], "it was not on that slate");
});

test("the latest sixteen slates are known, and none after they are cleared", () => {
  const slates = new Slates();
  const [first, second] = [slates.add(items(2)), slates.add(items(2))];
  for (let n = 0; n < 15; n++) slates.add(items(2));
  const position = (slate: string) => slates.beside({ id: "item-1", embedding: [] }, slate).position;
  assert.deepEqual([position(first), position(second)], [0, 2]);
  slates.clear();
  assert.equal(position(second), 0);
});
