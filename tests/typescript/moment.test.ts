// When what is finished is sent: bounds of what is drawn, and no sign of how long the work took.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HOUR_MS, OPENING_MS, pass, untilDrawn } from "../../worker/moment.ts";

/** Draws this part of the largest number that can be drawn. */
const draws = (t: TestContext, part: number) =>
  t.mock.method(crypto, "getRandomValues", (numbers: Uint32Array) => numbers.fill(Math.floor(part * (2 ** 32 - 1))));

test("what is drawn lies after the longest that the work may take, and within the span after that", (t) => {
  const { longest, span } = OPENING_MS;
  for (const [part, due] of [
    [0, longest],
    [0.5, longest + span / 2],
    [1, longest + span],
  ] as const) {
    const { mock } = draws(t, part);
    assert.ok(Math.abs(untilDrawn(1000, longest, span, 1000) - due) < 0.001);
    mock.restore();
  }
});

test("the moment is the same however long the work took, if that was no longer than it may be", (t) => {
  draws(t, 0);
  for (const took of [0, 1, 2500, 4999, 5000]) assert.equal(took + untilDrawn(7, 5000, HOUR_MS, 7 + took), 5000);
});

test("work that took longer is told in steps of the longest", (t) => {
  draws(t, 0);
  const moments = [5001, 7000, 9999, 10_000, 10_001].map((took) => took + untilDrawn(0, 5000, HOUR_MS, took));
  assert.deepEqual(moments, [10_000, 10_000, 10_000, 10_000, 15_000]);
});

test("it is drawn anew each time, from where keys come from", (t) => {
  const moments = new Set(Array.from({ length: 64 }, () => untilDrawn(0, 0.001, HOUR_MS, 0)));
  assert.ok(moments.size > 60, "64 of 2^32 are the same less than once in two million runs");
  const { mock } = draws(t, 0);
  t.mock.method(Math, "random", () => assert.fail("who could foretell it could take it off again"));
  untilDrawn(0, 1, 1, 0);
  assert.equal(mock.callCount(), 1);
});

test("it waits until then, or until nobody waits any more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { signal } = new AbortController();
  let over = false;
  const waited = pass(1000, signal).then(() => (over = true));
  t.mock.timers.tick(999);
  await new Promise(setImmediate);
  assert.equal(over, false);
  t.mock.timers.tick(1);
  await waited;

  for (const [reason, code] of [
    [undefined, "aborted"],
    [new DOMException("", "TimeoutError"), "timed-out"],
  ] as const) {
    const controller = new AbortController();
    const refused = pass(HOUR_MS, controller.signal);
    controller.abort(reason);
    await assert.rejects(refused, { code });
  }
});
