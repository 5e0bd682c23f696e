// From where on shaders are quicker than SIMD: the modules that ship, called as their worker calls them, over the width of the
// head, the examples of a step, and the candidates.

import type * as Release from "../../../web/pkg/release/release.js";
import type * as Rank from "../../../web/pkg/rank/rank.js";
import { coreOf } from "../../core.ts";
import { ATTRIBUTES, choose, DENSE, items, terms } from "./device.ts";

/** Milliseconds of a step or of a re-ranking, by SIMD and by WebGPU. */
export interface Crossing {
  what: "step" | "rerank";
  features: number;
  hidden: number;
  /** Examples of a step, or candidates. */
  size: number;
  simd: number[];
  webgpu: number[];
}

const D = 64;
const EVENTS = 64;
const STEPS_AT_ONCE = 64;

/** Heads are named by their features, their width and the examples of a step. */
export async function crossover(
  nets: [number, number][],
  batches: number[],
  candidates: number[],
  rounds: number,
): Promise<Crossing[]> {
  const places = ["/rank/rank.js", "/release/release.js"];
  const [rank, release] = (await Promise.all(places.map((place) => import(place)))) as [typeof Rank, typeof Release];
  await Promise.all([rank.default(), release.default()]);
  const crossings: Crossing[] = [];
  for (const [features, hidden] of nets) {
    const columns = features === 64 ? [DENSE, ATTRIBUTES] : [0, 0];
    for (const batch of batches) {
      const head = new Uint8Array(await (await fetch(`/heads/${features}-${hidden}-${batch}.head`)).arrayBuffer());
      const { core } = coreOf(release, head);
      core.computeBy(await release.openShaders());
      const device = () => {
        const device = rank.Ranker.local(terms(rank), head);
        for (let n = 0; n < EVENTS; n++) choose(n, D, device, rank, columns);
        return device;
      };
      const steps: Crossing = { what: "step", features, hidden, size: batch, simd: [], webgpu: [] };
      for (let round = 0; round <= rounds; round++) {
        const [ours, other] = [device(), device()];
        const { owed } = ours;
        let start = performance.now();
        ours.train(Number.POSITIVE_INFINITY);
        if (round > 0) steps.simd.push((performance.now() - start) / owed);
        start = performance.now();
        while (other.owed > 0) {
          const tuned = await core.tune(other.lend(STEPS_AT_ONCE), STEPS_AT_ONCE);
          if (!tuned) throw new Error(`the GPU was left: ${core.trouble}`);
          other.took(tuned.steps, tuned.state);
          tuned.free();
        }
        if (round > 0) steps.webgpu.push((performance.now() - start) / owed);
        ours.free();
        other.free();
      }
      crossings.push(steps);
      if (batch === batches[0]) {
        const ready = device();
        ready.train(Number.POSITIVE_INFINITY);
        for (const size of candidates) {
          const crossing: Crossing = { what: "rerank", features, hidden, size, simd: [], webgpu: [] };
          await reranking(rank, ready, core, items(5000, size, D, columns), crossing, rounds);
          crossings.push(crossing);
        }
        ready.free();
      }
      core.free();
    }
  }
  return crossings;
}

async function reranking(
  rank: typeof Rank,
  device: Rank.Ranker,
  core: Release.Participation,
  flat: ConstructorParameters<typeof Rank.Items>,
  { simd, webgpu }: Crossing,
  rounds: number,
): Promise<void> {
  const none = new Uint32Array();
  for (let round = 0; round <= rounds; round++) {
    let start = performance.now();
    device.rerank(new rank.Items(...flat), 50, 0, none, none, new Float32Array(), 0, 0).free();
    if (round > 0) simd.push(performance.now() - start);
    start = performance.now();
    const seen = await core.score(device.scoringBatch(new rank.Items(...flat), 0, 0));
    device.rerank(new rank.Items(...flat), 50, 0, none, none, new Float32Array(), 0, 0, seen).free();
    if (round > 0) webgpu.push(performance.now() - start);
  }
}
