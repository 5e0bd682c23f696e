import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyPrivetError, errorFrom, isPrivetError, PrivetError } from "../../web/ts/error.ts";

test("an error keeps its code and its message", () => {
  const error = errorFrom("round-closed", "round 1 is closed; round 2 is open");
  assert.ok(error instanceof PrivetError && error instanceof Error);
  assert.equal(error.code, "round-closed");
  assert.equal(error.message, "round 1 is closed; round 2 is open");
  assert.equal(error.name, "PrivetError");
});

test("a code that this build does not know becomes a fault of the worker, and is not lost", () => {
  const error = errorFrom("of-tomorrow", "something new");
  assert.equal(error.code, "worker-failed");
  assert.equal(error.message, "of-tomorrow: something new");
});

test("only the package's own errors are its errors", () => {
  assert.equal(isPrivetError(new Error("other")), false);
  assert.equal(isPrivetError(errorFrom("closed", "closed")), true);
});

// Types are tests, too: each line below compiles, or fails to where it says so.
export function narrowed(error: AnyPrivetError): "closed" | "other" {
  if (error.code === "closed") return error.code;
  // @ts-expect-error a code that does not exist
  if (error.code === "clsoed") return "other";
  return "other";
}
