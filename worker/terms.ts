// What an application fixes, as either module reads it.

import type { OpenOptions } from "./protocol.ts";

/** In the order that the bindings know them by. */
const LIMITS = [
  "lifetimeRho",
  "rhoPerRound",
  "rhoAlone",
  "minCohort",
  "maxCohort",
  "maxDimension",
  "maxDelta",
  "minNoiseMultiplier",
  "modes",
  "waitMs",
  "sessions",
  "intervalMs",
  "interleaveEvery",
  "minPartMultiplier",
  "rhoAlonePerRound",
  "deadlineMs",
] as const;

/** Either module's. A limit that is left out, or undefined, is the default's. */
export function termsOf<T>(
  Terms: new (task: string, leader: Uint8Array, helper: Uint8Array | undefined, limits: Float64Array) => T,
  { task, leader, policy }: OpenOptions,
): T {
  const limits = LIMITS.flatMap((name, place) => {
    const limit = policy[name];
    if (limit === undefined || limit === "none") return [];
    if (typeof limit === "number") return [place, limit];
    return [place, Number(limit.includes("device")) + 2 * Number(limit.includes("split"))];
  });
  const { keys } = leader ?? {};
  return new Terms(task, keys?.leader ?? new Uint8Array(), keys?.helper, Float64Array.from(limits));
}
