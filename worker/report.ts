// What the core tells in flat arrays, by names.

import type { Ranker } from "./module.ts";
import type { NamesSeen } from "./names.ts";
import type { Interval, ProfileSummary, Report } from "./protocol.ts";

/** In the order of the bindings: three intervals of three numbers each, then five counts. */
export function reportFrom(numbers: Float64Array): Report {
  const at = (place: number) => numbers[place] ?? 0;
  const interval = (place: number): Interval | undefined => {
    const [estimate, low, high] = [at(place), at(place + 1), at(place + 2)];
    return Number.isNaN(estimate) ? undefined : { estimate, low, high };
  };
  const [server, personal, difference] = [interval(0), interval(3), interval(6)];
  return {
    ...(server && { server }),
    ...(personal && { personal }),
    ...(difference && { difference }),
    slates: at(9),
    interleaved: { server: at(10), personal: at(11), neither: at(12) },
    clicksIgnored: at(13),
  };
}

export function summaryFrom(
  summary: ReturnType<Ranker["summary"]>,
  attributes: readonly string[],
  names: NamesSeen,
): ProfileSummary {
  const { events, items, kinds, times, places, values, numbers } = summary;
  const recent = Array.from(items, (key, n) => {
    const item = names.of(key);
    return { ...(item !== undefined && { item }), kind: kinds[n] ?? "", time: times[n] ?? 0 };
  });
  const counted = Array.from(values, (key, n) => {
    const [chosen = 0, shown = 0, rate = 0, usual = 0] = numbers.subarray(4 * n, 4 * n + 4);
    const value = names.of(key);
    const attribute = attributes[places[n] ?? -1] ?? "";
    return { attribute, ...(value !== undefined && { value }), chosen, shown, rate, usual };
  });
  return { events: events[0] ?? 0, evidence: events[1] ?? 0, recent, counted };
}
