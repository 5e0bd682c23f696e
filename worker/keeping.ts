// What a lifetime's budget rests on: a ledger that a browser deletes takes the count of what was spent with it.

import type { Store } from "./store.ts";

/**
 * `persistent`: the ledger stays where it is. `tokens`: it may be evicted, and tokens bound what an account contributes.
 * `evictable-allowed`: it may be evicted, and the application takes that upon itself. `evictable`: it may be evicted, so
 * nothing is contributed. `none`: there is none that outlives the page.
 */
export type Keeping = "persistent" | "tokens" | "evictable-allowed" | "evictable" | "none";

/** What there is to choose from. */
interface Options {
  tokens: boolean;
  allowEvictable?: boolean;
}

export async function keepingOf(store: Store, { tokens, allowEvictable }: Options): Promise<Keeping> {
  if (!store.lasting) return "none";
  if (await isPersistent(store)) return "persistent";
  if (tokens) return "tokens";
  return allowEvictable ? "evictable-allowed" : "evictable";
}

/** Whether the store stays until a person removes it. */
export async function isPersistent({ kind, lasting }: Store): Promise<boolean> {
  if (kind !== "indexeddb") return lasting && kind === "file";
  return !deletesUnvisited() && (await globalThis.navigator?.storage?.persisted?.()) === true;
}

/** Safari deletes what scripts stored where nobody has touched the site for seven days. */
function deletesUnvisited(): boolean {
  return /^(?!.*(Chrom|Edg|Android)).*Version\/[\d.]+.* Safari\//.test(globalThis.navigator?.userAgent ?? "");
}

/** Where things are kept, and whether they will be there tomorrow. */
export async function keptIn(store: Store) {
  const { kind, because } = store;
  return { storage: kind, persisted: await isPersistent(store), ...(because !== undefined && { because }) };
}
