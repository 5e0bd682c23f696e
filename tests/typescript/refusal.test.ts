import assert from "node:assert/strict";
import { test } from "node:test";
import { failureFrom, refusal } from "../../worker/refusal.ts";

test("a refusal crosses with its code", () => {
  assert.deepEqual(failureFrom(refusal("closed", "it is closed")), { code: "closed", message: "it is closed" });
});

test("whatever else is thrown is a fault of the worker", () => {
  assert.deepEqual(failureFrom(new TypeError("no")), { code: "worker-failed", message: "no" });
  assert.deepEqual(failureFrom("text"), { code: "worker-failed", message: "text" });
  assert.deepEqual(failureFrom(undefined), { code: "worker-failed", message: "undefined" });
});
