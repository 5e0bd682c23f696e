// The module that ranks, which comes with the worker.

import init, { Items, type Ranker, type Round, Terms } from "../web/pkg/rank/rank.js";
import type * as Protocol from "./protocol.ts";
import { compiled, hashesOf, type Integrity } from "./integrity.ts";
import { rankAddress, releaseAddress, releaseScript } from "./module_urls.ts";
import type { Forgettable, OpenOptions, Prefetched, Source, Sources } from "./protocol.ts";
import { termsOf } from "./terms.ts";

export { Items, key, Ranker, Terms } from "../web/pkg/rank/rank.js";

export async function loadRank(source?: Source, integrity?: Integrity): Promise<void> {
  await init({ module_or_path: await compiled(source ?? rankAddress(), hashesOf("rank", integrity)) });
}

/** A round's bytes, and what was read in them when their signatures and what they ask for were found right. */
export interface Admitted {
  round: Uint8Array;
  verified: Round;
  /** Its head, where that is on its way already. */
  coming?: Promise<Uint8Array>;
}

export function admit(options: OpenOptions, round: Uint8Array): Admitted {
  return { round, verified: termsOf(Terms, options).admit(round) };
}

/** The same out of what the page has loaded, if it has. */
export async function admitPrefetched(
  options: OpenOptions,
  { rank, round }: Prefetched,
  headOf: (hash: string) => Promise<Uint8Array>,
): Promise<Admitted | undefined> {
  if (!rank) return undefined;
  await loadRank(rank, options.integrity);
  if (!round) return undefined;
  const admitted = admit(options, round);
  const coming = headOf(admitted.verified.head);
  coming.catch(() => undefined);
  return { ...admitted, coming };
}

/** Where the worker and both modules are. */
export function addressesOf({ rank, release }: Sources = {}): string[] {
  const beside = [import.meta.url, ...[rankAddress(), releaseScript(), releaseAddress()].map(({ href }) => href)];
  return [...beside, ...[rank, release].filter((source) => typeof source === "string")];
}

/** The module takes them over: nobody has to free them. */
export function itemsOf({ lengths, numbers, places, names }: Protocol.Items): Items {
  return new Items(lengths, numbers, places, names);
}

/** How many events were dropped. */
export function forgetIn(device: Ranker, what: Forgettable): number {
  if ("item" in what) return device.forgetItem(what.item);
  if ("attribute" in what) return device.forgetAttribute(what.attribute, what.value);
  return device.forgetTime(what.from, what.to);
}
