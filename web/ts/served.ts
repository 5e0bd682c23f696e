// Server-side rendering: what a personalizer answers where there is no device.

import type { Call, Calls, Status } from "../../worker/protocol.ts";
import { PrivetError } from "./error.ts";
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
      // An item without a value of the attribute is counted alone.
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

const NO_DEVICE = "there is no device here: on a server nothing is remembered, learnt, ordered by or contributed";

const NOT_AGREED = { personalise: false, contribute: false };

const STATUS: Status = {
  ...{ backend: "scalar", kernels: "scalar", rhoSpent: 0, rhoLeft: 0, order: "server", round: 0, dimension: 0 },
  ...{ events: 0, owed: 0, steps: 0, trainingMs: 0, consent: NOT_AGREED, paused: false },
  ...{
    storage: "none",
    persisted: false,
    keeping: "none",
    ...{ rhoAgainstNothing: 0, rhoAgainstAnyOther: 0, widened: [] },
    profile: "new",
    because: NO_DEVICE,
  },
};

/** What is true where there is no device. */
const ANSWERS: { [Name in Call]?: () => Awaited<ReturnType<Calls[Name]>> } = {
  consent: () => NOT_AGREED,
  pause: () => undefined,
  forget: () => 0,
  export: () => new Uint8Array(),
  erase: () => ({ kept: [], rhoSpent: 0, because: NO_DEVICE }),
  refresh: () => false,
  statement: () => NO_DEVICE,
  ledger: () => [],
  log: () => [],
  requests: () => ({ asks: {}, seen: [] }),
  status: () => STATUS,
  report: () => ({ slates: 0, interleaved: { server: 0, personal: 0, neither: 0 }, clicksIgnored: 0 }),
  profile: () => ({ events: 0, evidence: 0, recent: [], counted: [] }),
};

/** The answer to a call without a device; what cannot be done there is refused. */
export async function servedAnswer(name: Call): Promise<unknown> {
  const answer = ANSWERS[name];
  if (!answer) throw new PrivetError("worker-failed", NO_DEVICE);
  return answer();
}
