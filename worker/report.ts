// Turns the core's flat arrays into objects with names.

import type { Ranker } from "./module.ts";
import type { NamesSeen } from "./names.ts";
import type { Names, ProfileSummary, Report } from "./protocol.ts";

/** Why an erasure leaves the ledger, in plain words. */
export const KEPT =
  "The ledger is kept: what was contributed cannot be called back, and only a ledger that knows what was spent " +
  "can hold the lifetime limit. It names tasks, rounds, costs and random ids, and nothing that was done here.";

export function namesOf(device: Ranker): Names {
  return { dense: device.names(0), attributes: device.names(1), kinds: device.names(2) };
}

/** In the order of the bindings: the difference and the ends of its interval, then five counts. */
export function reportFrom(numbers: Iterable<number>): Report {
  const [estimate = 0, low = 0, high = 0, ...counts] = numbers;
  const [slates = 0, server = 0, personal = 0, neither = 0, clicksIgnored = 0] = counts;
  const told = { slates, interleaved: { server, personal, neither }, clicksIgnored };
  if (Number.isNaN(estimate)) return told;
  // Both shares follow from their difference, because they add up to 1.
  const share = (difference: number) => (1 + difference) / 2;
  return {
    server: { estimate: share(-estimate), low: share(-high), high: share(-low) },
    personal: { estimate: share(estimate), low: share(low), high: share(high) },
    difference: { estimate, low, high },
    ...told,
  };
}

/** The latest that was done, at most so much of it, and what was counted, at this moment. */
export function profileFrom(device: Ranker, names: NamesSeen, most: number, ms: number): ProfileSummary {
  const told = [...device.told(most, ms)];
  const next = () => told.shift() ?? 0;
  const name = () => names.of((BigInt(next()) << 32n) | BigInt(next()));
  const [attributes, kinds] = [device.names(1), device.names(2)];
  const [events, evidence, deeds] = [next(), next(), next()];
  const recent = Array.from({ length: deeds }, () => {
    return known({ kind: kinds[next()] ?? "", time: next(), item: name() });
  });
  const counted = [];
  while (told.length) {
    const [attribute, value] = [attributes[next()] ?? "", name()];
    counted.push(known({ attribute, value, chosen: next(), shown: next(), rate: next(), usual: next() }));
  }
  return { events, evidence, recent, counted } as ProfileSummary;
}

/** Leaves out fields that are undefined. */
function known(parts: object): object {
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
}
