// Items and requests as they cross to the device: flat typed arrays, names as places in the head's schema.

import type { Items, Moment, Names, Request as Wanted } from "../../worker/protocol.ts";
import type { Item, Request } from "./types.ts";

/** Flattens items, one after the other. What does not fit the head's schema crosses as it is, and is refused by the core. */
export function itemsFrom(items: readonly (Item & { score?: number })[], schema: Names): Items {
  const dense = items.map((item) => schema.dense.flatMap((name) => item.dense?.[name] ?? []));
  const values = items.map(({ attributes = {} }) =>
    // A name that the schema lacks gets the place -1, which the core refuses.
    Object.entries(attributes).map(([name, values = []]) => ({
      place: schema.attributes.indexOf(name),
      values: [values].flat(),
    })),
  );
  const lengths = items.flatMap(({ embedding }, n) => [
    embedding.length,
    dense[n]?.length ?? 0,
    values[n]?.reduce((sum, { values }) => sum + values.length, 0) ?? 0,
  ]);
  const total = items.reduce((sum, { embedding }, n) => sum + 1 + embedding.length + (dense[n]?.length ?? 0), 0);
  const numbers = new Float32Array(total);
  let at = 0;
  for (const [n, { score = 0, embedding }] of items.entries()) {
    numbers[at] = score;
    numbers.set(embedding, at + 1);
    numbers.set(dense[n] ?? [], at + 1 + embedding.length);
    at += 1 + embedding.length + (dense[n]?.length ?? 0);
  }
  const places = values.flat().flatMap(({ place, values }) => values.map(() => place));
  const names = items.flatMap(({ id }, n) => [id, ...(values[n] ?? []).flatMap(({ values }) => values)]);
  return { lengths: Uint32Array.from(lengths), numbers, places: Uint16Array.from(places), names };
}

/** A time with the offset of the user's time zone. */
export function momentAt(ms: number): Moment {
  return { ms, offsetMin: -new Date(ms).getTimezoneOffset() };
}

/** A name that the schema lacks, and an id that no candidate has, get a place that does not exist: the core refuses it. */
export function requestFrom(request: Request, candidates: readonly Item[], schema: Names): Wanted {
  const { limit = 0, diversity = 0, rules: { pins = {}, caps = {}, freshness } = {} } = request;
  const { age = "", under = 0, bonus = 0, least = 0, within = least } = freshness ?? {};
  const place = schema.dense.indexOf(age);
  return {
    limit,
    diversity,
    caps: Uint32Array.from(Object.entries(caps).flatMap(([name, most]) => [schema.attributes.indexOf(name), most])),
    pins: Uint32Array.from(
      Object.entries(pins).flatMap(([id, place]) => [candidates.findIndex((item) => item.id === id), place]),
    ),
    freshness: Float32Array.from(freshness ? [place < 0 ? Infinity : place, under, bonus, least, within] : []),
  };
}
