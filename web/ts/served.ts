import type { Candidate, Request, Slate } from "./types.ts";

/**
 * The server's own order, for a page that is rendered where there is no device: by score, equal ones as they came. Pins and
 * caps take nothing but the candidates, and are kept as the core keeps them; freshness and diversity are a device's.
 */
export function serverSlate<C extends Candidate>(candidates: readonly C[], request: Request): Slate<C> {
  const { rules: { pins = {}, caps = {} } = {}, limit } = request;
  const count = Math.min(limit || candidates.length, candidates.length);
  const left = [...candidates].sort((a, b) => b.score - a.score);
  const pinned: (C | undefined)[] = [];
  for (const [id, place] of Object.entries(pins)) {
    const found = left.findIndex((item) => item.id === id);
    if (found >= 0 && place < candidates.length && !pinned[place]) pinned[place] = left.splice(found, 1)[0];
  }
  const [used, unmet] = [new Map<string, number>(), { pins: 0, caps: 0, freshness: 0 }];
  const countedBy = ({ id, attributes }: C) =>
    Object.entries(caps).map(([name, most]) => {
      // What has no value of an attribute is of a kind of its own.
      const [value = { id }] = [attributes?.[name] ?? []].flat() as unknown[];
      const key = JSON.stringify([name, value]);
      return { key, uses: used.get(key) ?? 0, most };
    });
  const allowed = (item: C) => countedBy(item).every(({ uses, most }) => uses < most);
  const take = (item: C) => {
    for (const { key, uses, most } of countedBy(item)) {
      used.set(key, uses + 1);
      if (uses >= most) unmet.caps += 1;
    }
    return item;
  };
  for (const item of pinned.slice(0, count)) if (item) take(item);
  const best = () => left.splice(Math.max(0, left.findIndex(allowed)), 1)[0] as C;
  const items = Array.from({ length: count }, (_, place) => pinned[place] ?? take(best()));
  unmet.pins = Object.entries(pins).filter(([id, place]) => items[place]?.id !== id).length;
  return { id: 0, kind: "server", items, scores: [], unmet, shown: async () => false };
}
