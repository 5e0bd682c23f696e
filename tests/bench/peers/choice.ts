// How long it takes to find out which is quicker on a device, as its worker finds it out.

import * as release from "../../../web/pkg/release/release.js";
import type * as Rank from "../../../web/pkg/rank/rank.js";
import { Shaders } from "../../../worker/shaders.ts";
import { MemoryStore } from "../../../worker/store.ts";
import { coreOf } from "../../core.ts";
import { choose, terms } from "./device.ts";

const D = 64;
const EVENTS = 400;

/** Milliseconds of each choice, and what was chosen. */
export interface Choices {
  ms: number[];
  chosen: string[];
}

/** A choice is measured with a GPU that is open, after one that warms both up. */
export async function choices(name: string, columns: number[], rounds: number): Promise<Choices> {
  const at = "/rank/rank.js";
  const rank = (await import(at)) as typeof Rank;
  await Promise.all([rank.default(), release.default({ module_or_path: "/release/release_bg.wasm" })]);
  const head = new Uint8Array(await (await fetch(`/heads/${name}.head`)).arrayBuffer());
  const result: Choices = { ms: [], chosen: [] };
  for (let round = 0; round <= rounds; round++) {
    const { core } = coreOf(release, head);
    const device = rank.Ranker.local(terms(rank), head);
    for (let n = 0; n < EVENTS; n++) choose(n, D, device, rank, columns);
    const shaders = new Shaders("auto", new MemoryStore(), "bench");
    await shaders.open(device.dimension);
    const start = performance.now();
    await shaders.tune(core, device as never);
    if (round > 0) result.ms.push(performance.now() - start);
    if (round > 0) result.chosen.push(shaders.stand ?? "unknown");
    core.free();
    device.free();
  }
  return result;
}
