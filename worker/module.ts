// The two Wasm modules. The one that ranks comes with the worker; the full one, which can contribute, is loaded when it is
// first wanted, and takes the other's place.

import init, * as rank from "../web/pkg/rank/rank.js";
import type * as full from "../web/pkg/full/full.js";

/** What both modules have. */
export type Ranker = Pick<typeof rank, "Items" | "Terms" | "key">;
/** What the full one has besides. */
export type Full = typeof full;

/** Whence a module is taken: where it lies, or what was fetched or compiled already. */
export type Source = URL | RequestInfo | Response | BufferSource | WebAssembly.Module;

/** Where the application keeps the modules, where that is not beside the worker. */
export interface Sources {
  rank?: Source;
  full?: Source;
}

export async function loadRank(source?: Source): Promise<typeof rank> {
  await init(source === undefined ? undefined : { module_or_path: source });
  return rank;
}

let loading: Promise<Full> | undefined;

/** One that could not be loaded is tried again the next time. */
export function loadFull(source?: Source): Promise<Full> {
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(source: Source = new URL("./full_bg.wasm", import.meta.url)): Promise<Full> {
  // An address and not a name: a bundler copies the file as it is, and leaves the import for the time of need.
  const address = new URL("./full.js", import.meta.url);
  const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ address.href)) as Full;
  await module.default({ module_or_path: source });
  return module;
}
