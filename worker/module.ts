// The module that ranks, which comes with the worker.

import init from "../web/pkg/rank/rank.js";
import type { Source, Sources } from "./protocol.ts";

export { Device, Items, key, type Round, Terms } from "../web/pkg/rank/rank.js";

export async function loadRank(source?: Source): Promise<void> {
  await init(source && { module_or_path: source });
}

/** Where the worker and both modules are. */
export function addressesOf({ rank, full }: Sources = {}): string[] {
  const beside = ["worker.js", "rank_bg.wasm", "full.js", "full_bg.wasm"];
  const named = [rank, full].filter((source) => typeof source === "string");
  return [...beside, ...named].map((name) => new URL(name, import.meta.url).href);
}
