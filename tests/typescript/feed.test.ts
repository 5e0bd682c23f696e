// The demo's feed: that it is whole, that its embeddings are those of its texts, and that near means alike.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Embeddings, embeddingsFrom, type FeedItem, TOPICS } from "../../demo/feed/feed.ts";

const file = (name: string) => readFileSync(new URL(`../../demo/feed/${name}`, import.meta.url));
const read = <T>(name: string) => JSON.parse(file(name).toString()) as T;
const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

const items = read<FeedItem[]>("items.json");
const about = read<Embeddings>("embeddings.json");
const bin = file("embeddings.bin");
const rows = embeddingsFrom(bin, about);

/** How often each value is there. */
function counts(values: string[]): Map<string, number> {
  const counted = new Map<string, number>();
  for (const value of values) counted.set(value, (counted.get(value) ?? 0) + 1);
  return counted;
}

const repeated = (values: string[]) => [...counts(values)].filter(([, count]) => count > 1).map(([value]) => value);
const opening = (text: string, words: number) => text.toLowerCase().split(" ", words).join(" ");

test("400 items in twelve topics, at least 30 in each", () => {
  assert.equal(items.length, 400);
  const topics = counts(items.map(({ topic }) => topic));
  assert.deepEqual([...topics.keys()].sort(), Object.keys(TOPICS).sort());
  assert.ok(Math.min(...topics.values()) >= 30, JSON.stringify([...topics]));
});

test("no id, title or summary is there twice, and no two begin alike", () => {
  assert.deepEqual(repeated(items.map(({ id }) => id)), []);
  assert.deepEqual(repeated(items.map(({ title }) => opening(title, 3))), []);
  assert.deepEqual(repeated(items.map(({ summary }) => opening(summary, 3))), []);
});

test("every field is of its kind and length", () => {
  for (const { id, kind, source, title, summary, minutes, ageHours, readers, tags, score } of items) {
    assert.match(id, /^[a-z]+-[0-9]{2}$/);
    assert.ok(kind === "article" || kind === "video", id);
    assert.ok(source.length > 0 && title.length >= 15 && title.length <= 80, `${id}: ${title.length}`);
    assert.ok(summary.length >= 40 && summary.length <= 200, `${id}: ${summary.length}`);
    assert.ok(Number.isInteger(minutes) && minutes >= 3 && minutes <= 30, `${id}: ${minutes}`);
    assert.ok(Number.isInteger(ageHours) && ageHours >= 0 && ageHours <= 72, `${id}: ${ageHours}`);
    assert.ok(Number.isInteger(readers) && readers > 0, `${id}: ${readers}`);
    assert.ok(tags.length >= 1 && tags.length <= 3 && repeated(tags).length === 0, `${id}: ${tags.join()}`);
    const plain = (readers / (readers + 4000) + 2 ** (-ageHours / 24)) / 2;
    assert.ok(Math.abs(score - plain) < 1e-4, `${id}: ${score} is not ${plain}`);
  }
});

test("each source keeps to four topics at most, and each tag is on two items at least", () => {
  const pairs = new Set(items.map(({ source, topic }) => `${source}/${topic}`));
  const topics = counts([...pairs].map((pair) => pair.slice(0, pair.indexOf("/"))));
  assert.ok(topics.size >= 20 && Math.max(...topics.values()) <= 4, JSON.stringify([...topics]));
  const tags = counts(items.flatMap(({ tags }) => tags));
  assert.deepEqual(
    [...tags].filter(([, count]) => count < 2),
    [],
  );
});

test("the embeddings are those of these texts", () => {
  const texts = items.map(({ title, summary }) => `${title}. ${summary}`).join("\n");
  assert.equal(sha256(texts), about.textsSha256, "a text has changed: demo/feed/embed.py is to be run again");
  assert.equal(sha256(bin), about.binSha256);
  assert.deepEqual([about.items, about.dimensions, bin.length], [items.length, 64, items.length * 64]);
});

test("every embedding has length 1, to the rounding of its bytes", () => {
  for (const row of rows) {
    const length = Math.hypot(...row);
    // Each of 64 numbers is at most half a step off, so the length by at most half a step times √64.
    assert.ok(Math.abs(length - 1) <= 4 * about.scale, String(length));
  }
});

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0);

/** The items nearest to one, itself left out. */
function nearest(place: number, count: number): FeedItem[] {
  const row = rows[place] ?? new Float32Array();
  const others = rows.map((other, n) => ({ n, near: dot(row, other) })).filter(({ n }) => n !== place);
  others.sort((a, b) => b.near - a.near || a.n - b.n);
  return others.slice(0, count).map(({ n }) => items[n] as FeedItem);
}

/** Some titles and what is nearest to each, best first. */
const NEIGHBOURS: Record<string, string[]> = {
  "Two telescopes disagree on how fast the universe grows": [
    "Listening for the hum of merging black holes",
    "Fusion experiment holds its plasma steady for twenty-two minutes",
    "A dim red star loses its only known planet",
  ],
  "Shops track your phone down the aisle; here is how to vanish": [
    "Council switches off smart bins that tracked passing phones",
    "Your phone can learn without telling anyone what it learnt",
    "Passkeys explained, with no diagrams",
  ],
  "Leeks, charred black and then forgiven": [
    "Aubergines without the sponge effect",
    "Dinner from a tin of chickpeas, five ways",
    "Cooking with a six-year-old who eats only beige",
  ],
  "Night trains return to the west, and the beds are booked": [
    "Across four borders on a sleeper with one working samovar",
    "A steam railway built for loggers now carries tourists",
    "The mountain railway that climbs in spirals",
  ],
  "How a back three becomes a front five in six seconds": [
    "Goalkeeper scores from his own box with the wind behind him",
    "Penalty takers look away: the science of the eleven-metre walk",
    "At thirty-nine, a left-back finds the game slowing down for her",
  ],
  "What a pension statement says, line by line": [
    "Lost track of an old workplace pension? Begin with a payslip",
    "Drawing down a pension without running out",
    "Half a per cent sounds small until you see thirty years of it",
  ],
  // Topics that touch: a mystery on the screen and one on paper, a hedge in a garden and one in a field.
  "A detective series that lets the quiet ones speak": [
    "Murder at the beekeepers’ annual general meeting",
    "Six short episodes in a lost property office",
    "The salt mine drama finds its depth in the second season",
  ],
  "A hedge for a small garden that birds will use": [
    "Hedges left uncut for three winters fill with life",
    "Roses for people who will not spray",
    "Pruning an old apple tree over three winters",
  ],
};

test("the nearest to eight titles are as they were found to be sensible", () => {
  for (const [title, titles] of Object.entries(NEIGHBOURS)) {
    const place = items.findIndex((item) => item.title === title);
    const near = nearest(place, titles.length).map((item) => item.title);
    assert.deepEqual(near, titles, title);
  }
});

test("three items in four have most of their five nearest in their own topic", () => {
  const own = items.map(({ topic }, place) => nearest(place, 5).filter((near) => near.topic === topic).length);
  const most = own.filter((count) => count >= 3).length;
  assert.ok(most >= 0.75 * items.length, `${most} of ${items.length}`);
});
