// The two Wasm modules. The one that ranks comes with the worker; the full one, which can contribute, is loaded when it is
// first wanted, and takes the other's place.

import init, * as rank from "../web/pkg/rank/rank.js";
import type * as full from "../web/pkg/full/full.js";
import type { Source, Sources } from "./protocol.ts";
import { refusal } from "./refusal.ts";

/** A device that ranks, and keeps the ledger. */
export type Ranker = rank.Device;
/** One that contributes, too. */
export type Device = full.Device;
export type Full = typeof full;
export type { Upload } from "../web/pkg/rank/rank.js";

/** What both modules have. */
export interface Module {
  Device: {
    open(
      terms: rank.Terms,
      round: Uint8Array,
      head: Uint8Array,
      ledger: Uint8Array,
      gpu: boolean,
    ): Ranker | Promise<Ranker>;
  };
  Items: typeof rank.Items;
  Terms: typeof rank.Terms;
  key: typeof rank.key;
}

export async function loadRank(source?: Source): Promise<Module> {
  await init(source && { module_or_path: source });
  return rank;
}

/** Where the worker and both modules are. */
export function addressesOf({ rank, full }: Sources = {}): string[] {
  const beside = ["worker.js", "rank_bg.wasm", "full.js", "full_bg.wasm"];
  const named = [rank, full].filter((source) => typeof source === "string");
  return [...beside, ...named].map((name) => new URL(name, import.meta.url).href);
}

let glue: Full | undefined;
let loading: Promise<Full> | undefined;

/** For a Service Worker, which may not import anything later: the glue of the full module as it was bundled. */
export function provide(bundled: Full): void {
  glue = bundled;
}

/** One that could not be loaded is tried again the next time. */
export function loadFull(source?: Source): Promise<Full> {
  loading ??= load(source).catch(() => {
    loading = undefined;
    throw refusal("server-unreachable", "the full module could not be loaded: nothing was debited");
  });
  return loading;
}

async function load(source?: Source): Promise<Full> {
  // An address and not a name: a bundler copies the file as it is, and leaves the import for the time of need.
  const address = new URL("./full.js", import.meta.url);
  const module = glue ?? ((await import(/* @vite-ignore */ /* webpackIgnore: true */ address.href)) as Full);
  await module.default({ module_or_path: source ?? new URL("./full_bg.wasm", import.meta.url) });
  return module;
}
