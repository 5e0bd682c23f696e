// From where on shaders are quicker than SIMD: the modules that ship, called as their worker calls them, over the width of the
// head, the examples of a step, and the candidates.

import type * as Full from "../../../web/pkg/full/full.js";
import type * as Rank from "../../../web/pkg/rank/rank.js";
import { choose, items, terms } from "./device.ts";

/** Milliseconds of a step or of a re-ranking, by SIMD and by WebGPU. */
export interface Crossing {
  what: "step" | "rerank";
  hidden: number;
  /** Examples of a step, or candidates. */
  size: number;
  simd: number[];
  webgpu: number[];
}

export interface Crossover {
  /** What computed: `webgpu`, or nothing was measured. */
  backend: string;
  crossings: Crossing[];
}

const D = 64;
const EVENTS = 64;
const STEPS_AT_ONCE = 256;

/** Heads are named by their width and the examples of a step. */
export async function crossover(hidden: number[], batches: number[], candidates: number[], rounds: number) {
  const [rank, full] = await Promise.all([
    import("/rank/rank.js" as string) as Promise<typeof Rank>,
    import("/full/full.js" as string) as Promise<typeof Full>,
  ]);
  await Promise.all([rank.default(), full.default()]);
  const crossings: Crossing[] = [];
  let backend = "webgpu";
  for (const width of hidden) {
    for (const batch of batches) {
      const head = new Uint8Array(await (await fetch(`/heads/${width}-${batch}.head`)).arrayBuffer());
      const none = new Uint8Array();
      const own = new full.Terms("bench", new Uint8Array(32), undefined, new Float64Array());
      const contributor = full.Contributor.open(own, none, head, none, "webgpu");
      const device = () => {
        const device = rank.Device.local(terms(rank), head);
        for (let n = 0; n < EVENTS; n++) choose(n, D, device, rank);
        return device;
      };
      const steps: Crossing = { what: "step", hidden: width, size: batch, simd: [], webgpu: [] };
      for (let round = 0; round <= rounds; round++) {
        const [ours, other] = [device(), device()];
        const { owed } = ours;
        let start = performance.now();
        ours.train(Number.POSITIVE_INFINITY);
        if (round > 0) steps.simd.push((performance.now() - start) / owed);
        start = performance.now();
        while (other.owed > 0) {
          const tuned = await contributor.tune(other.lend(STEPS_AT_ONCE), STEPS_AT_ONCE);
          if (!tuned) break;
          other.took(tuned.steps, tuned.state);
          tuned.free();
        }
        backend = contributor.backend;
        if (round > 0) steps.webgpu.push((performance.now() - start) / owed);
        ours.free();
        other.free();
      }
      crossings.push(steps);
      if (batch === batches[0]) {
        const ready = device();
        ready.train(Number.POSITIVE_INFINITY);
        for (const size of candidates) {
          crossings.push(await reranking(rank, ready, contributor, { hidden: width, size }, rounds));
        }
        ready.free();
      }
      contributor.free();
    }
  }
  return { backend, crossings } satisfies Crossover;
}

async function reranking(
  rank: typeof Rank,
  device: Rank.Device,
  contributor: Full.Contributor,
  { hidden, size }: { hidden: number; size: number },
  rounds: number,
): Promise<Crossing> {
  const none = new Uint32Array();
  const flat = items(5000, size, D);
  const crossing: Crossing = { what: "rerank", hidden, size, simd: [], webgpu: [] };
  for (let round = 0; round <= rounds; round++) {
    let start = performance.now();
    device.rerank(new rank.Items(...flat), 50, 0, none, none, new Float32Array(), 0, 0).free();
    if (round > 0) crossing.simd.push(performance.now() - start);
    start = performance.now();
    const seen = await contributor.score(device.sight(new rank.Items(...flat), 0, 0));
    device.rerank(new rank.Items(...flat), 50, 0, none, none, new Float32Array(), 0, 0, seen).free();
    if (round > 0) crossing.webgpu.push(performance.now() - start);
  }
  return crossing;
}
