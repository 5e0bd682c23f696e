import assert from "node:assert/strict";
import { test } from "node:test";
import { slotAt, slotsOf, untilNext } from "../../worker/schedule.ts";

const HOUR = 3_600_000;

test("slots are a seventh of the interval, and begin at a time of the device's own", () => {
  const slots = slotsOf(7 * 24 * HOUR, 0.25);
  assert.deepEqual(slots, { ms: 24 * HOUR, offsetMs: 6 * HOUR });
  assert.deepEqual(slotsOf(undefined, 0.25), slots, "a week where nothing is said");
  assert.deepEqual([slotAt(slots, 6 * HOUR), slotAt(slots, 6 * HOUR - 1)], [0, -1]);
  assert.equal(untilNext(slots, 7 * HOUR), 23 * HOUR);
  assert.equal(untilNext(slots, 30 * HOUR), 24 * HOUR);
});

test("an interval of nothing does not make it look all the time, nor a long one overflow a timer", () => {
  assert.equal(slotsOf(0).ms, 1000);
  assert.equal(untilNext(slotsOf(1e15, 0), 1), 2 ** 31 - 1);
});
