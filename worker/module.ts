// The two Wasm modules. The one that ranks comes with the worker; the full one, which can contribute, is loaded when it is
// first wanted, and works beside the other.

import init from "../web/pkg/rank/rank.js";
import type * as full from "./full.ts";
import type { OpenOptions, Source, Sources } from "./protocol.ts";
import { refusal } from "./refusal.ts";

export { Device, Items, key, type Round, Terms } from "../web/pkg/rank/rank.js";

/** The late half of a device, with all that only it needs. */
export type Full = typeof full;

/** In the order that the bindings know them by. */
const LIMITS = [
  "lifetimeRho",
  "rhoPerRound",
  "rhoAlone",
  "minCohort",
  "maxCohort",
  "maxDimension",
  "maxDelta",
  "minNoiseMultiplier",
  "modes",
  "waitMs",
  "sessions",
  "intervalMs",
  "interleaveEvery",
] as const;

/** Either module's. A limit that is left out, or undefined, is the default's. */
export function termsOf<T>(
  Terms: new (task: string, leader: Uint8Array, helper: Uint8Array | undefined, limits: Float64Array) => T,
  { task, leader, policy }: OpenOptions,
): T {
  const limits = LIMITS.flatMap((name, place) => {
    const limit = policy[name];
    if (limit === undefined || limit === "none") return [];
    if (typeof limit === "number") return [place, limit];
    return [place, Number(limit.includes("device")) + 2 * Number(limit.includes("split"))];
  });
  const { keys } = leader ?? {};
  return new Terms(task, keys?.leader ?? new Uint8Array(), keys?.helper, Float64Array.from(limits));
}

export async function loadRank(source?: Source): Promise<void> {
  await init(source && { module_or_path: source });
}

/** Where the worker and both modules are. */
export function addressesOf({ rank, full }: Sources = {}): string[] {
  const beside = ["worker.js", "rank_bg.wasm", "full.js", "full_bg.wasm"];
  const named = [rank, full].filter((source) => typeof source === "string");
  return [...beside, ...named].map((name) => new URL(name, import.meta.url).href);
}

let glue: Full | undefined;
let loading: Promise<Full> | undefined;

/** For a Service Worker, which may not import anything later: the late half as it was bundled. */
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
