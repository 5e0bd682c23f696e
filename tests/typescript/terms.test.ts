import assert from "node:assert/strict";
import { test } from "node:test";
import type { OpenOptions } from "../../worker/protocol.ts";
import { termsOf } from "../../worker/terms.ts";

class Terms {
  readonly told: readonly unknown[];
  constructor(...told: readonly unknown[]) {
    this.told = told;
  }
}

const told = (options: object) => termsOf(Terms, { task: "news", ...options } as unknown as OpenOptions).told;

test("a limit travels with its place, the modes as bits, and one that is left out or none does not", () => {
  const limits = (policy: object) => [...(told({ policy })[3] as Float64Array)];
  assert.deepEqual(limits({}), []);
  assert.deepEqual(limits({ intervalMs: 7, lifetimeRho: 0.5, waitMs: 0 }), [0, 0.5, 9, 0, 11, 7]);
  assert.deepEqual(limits({ rhoAlone: "none", sessions: undefined, rhoPerRound: 0.25 }), [1, 0.25]);
  const modes = [["device"], ["split"], ["device", "split"], []].map((modes) => limits({ modes }));
  assert.deepEqual(modes, [
    [8, 1],
    [8, 2],
    [8, 3],
    [8, 0],
  ]);
});

test("each aggregator's key is in its own place, and none where there is none", () => {
  const keys = { leader: Uint8Array.of(1), helper: Uint8Array.of(2) };
  const named = (options: object) => told({ policy: {}, ...options }).slice(0, 3);
  assert.deepEqual(named({ leader: { keys } }), ["news", keys.leader, keys.helper]);
  assert.deepEqual(named({ leader: { keys: { leader: keys.leader } } }), ["news", keys.leader, undefined]);
  assert.deepEqual(named({}), ["news", new Uint8Array(), undefined]);
});
