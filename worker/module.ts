// The Wasm module that ranks: loading it, and turning the package's values into its own.

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

/** A round's bytes, and the round as it was read and verified: signatures and policy. */
export interface Admitted {
  round: Uint8Array;
  verified: Round;
  /** Its head, where that is being fetched already. */
  coming?: Promise<Uint8Array>;
}

export function admit(options: OpenOptions, round: Uint8Array): Admitted {
  return { round, verified: termsOf(Terms, options).admit(round) };
}

/** Verifies the round that the page has prefetched, if it has, and begins to fetch its head. */
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

/** The addresses of the worker and of both modules. */
export function addressesOf({ rank, release }: Sources = {}): string[] {
  const beside = [import.meta.url, ...[rankAddress(), releaseScript(), releaseAddress()].map(({ href }) => href)];
  return [...beside, ...[rank, release].filter((source) => typeof source === "string")];
}

/** The module owns them from then on: nobody has to free them. */
export function itemsOf({ lengths, numbers, places, names }: Protocol.Items): Items {
  return new Items(lengths, numbers, places, names);
}

/** Forgets; returns how many events were dropped. */
export function forgetIn(device: Ranker, what: Forgettable): number {
  if ("item" in what) return device.forgetItem(what.item);
  if ("attribute" in what) return device.forgetAttribute(what.attribute, what.value);
  return device.forgetTime(what.from, what.to);
}
