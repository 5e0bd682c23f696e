// One page, one run: every peer takes its turn in every round, so that a slow moment of the machine meets them all.

import { choices } from "./choice.ts";
import { crossover } from "./crossover.ts";
import { type Whole, whole } from "./device.ts";
import { jax } from "./jax.ts";
import { INPUTS, net, type Peer, uneven } from "./net.ts";
import { onnx } from "./onnx.ts";
import { ours, type Work } from "./ours.ts";
import { tensorflow } from "./tensorflow.ts";

/** Milliseconds of every call, by peer. */
export type Samples = Record<string, number[]>;

export interface Measured {
  score200: Samples;
  score10k: Samples;
  step: Samples;
  whole: Whole;
  /** Our kernels one by one, by build and kernel. */
  kernels: Record<string, { flop: number; ms: number[] }>;
  missing: string[];
}

const BATCH = 32;
/** How long a sample takes at least. */
const SAMPLE_MS = 3;
/** The same of a whole re-ranking, which takes a millisecond. */
const WHOLE_SAMPLE_MS = 20;

async function measured(rounds: number): Promise<Measured> {
  const [peers, works, missing]: [Peer[], [string, Work][], string[]] = [[], [], []];
  const add = async (name: string, make: () => Promise<(Peer & { works?: Work[] }) | undefined>) => {
    try {
      const peer = await make();
      for (const work of peer?.works ?? []) works.push([`${name}: ${work.name}`, work]);
      if (peer) peers.push(peer);
      else missing.push(name);
    } catch (error) {
      missing.push(`${name} (${error})`);
    }
  };
  await add("privet relaxed", () => ours("privet relaxed", "/kernels/relaxed.wasm", net()));
  await add("privet simd128", () => ours("privet simd128", "/kernels/simd128.wasm", net()));
  await add("ONNX Runtime Web wasm", () => onnx(net()));
  await add("jax-js wasm", () => jax("wasm", net()));
  await add("TF.js wasm", () => tensorflow("wasm", net()));
  await add("TF.js cpu", () => tensorflow("cpu", net()));
  await agree(peers);
  const [few, many] = [uneven(200 * INPUTS, 1, 5), uneven(10_000 * INPUTS, 1, 5)];
  const score200 = await timed(peers, rounds, "score", (peer) => peer.score?.(few, 200));
  const score10k = await timed(peers, Math.ceil(rounds / 10), "score", (peer) => peer.score?.(many, 10_000));
  const [x, y] = [uneven(BATCH * INPUTS, 1, 9), uneven(BATCH, 1, 2)];
  const step = await timed(peers, rounds, "step", (peer) => peer.step?.(x, y, BATCH));
  const kernels = Object.fromEntries(works.map(([name, work]) => [name, one(work, Math.ceil(rounds / 3))]));
  return { score200, score10k, step, whole: await whole(rounds, WHOLE_SAMPLE_MS), kernels, missing };
}

function one({ flop, call }: Work, rounds: number): { flop: number; ms: number[] } {
  const calls = (count: number) => {
    const start = performance.now();
    for (let n = 0; n < count; n++) call();
    return performance.now() - start;
  };
  calls(1000);
  const count = Math.max(1, Math.ceil(SAMPLE_MS / (calls(1000) / 1000)));
  return { flop, ms: Array.from({ length: rounds }, () => calls(count) / count) };
}

/** They have to compute the same, or nothing is compared. */
async function agree(peers: Peer[]): Promise<void> {
  const x = uneven(50 * INPUTS, 1, 11);
  const [first] = peers;
  const wanted = Float32Array.from((await first?.score?.(x, 50)) ?? []);
  for (const peer of peers) {
    const scores = await peer.score?.(x, 50);
    const worst = Math.max(...wanted.map((score, i) => Math.abs(score - (scores?.[i] ?? Number.NaN))));
    if (!(worst < 1e-4)) throw new Error(`${peer.name} scores differently, by ${worst}`);
    if (!peer.step) continue;
    for (let i = 0; i < 3; i++) await peer.step(x, uneven(50, 1, 2), 50);
  }
  const moved = Float32Array.from((await first?.weights?.()) ?? []);
  for (const peer of peers.filter(({ weights }) => weights)) {
    const weights = await peer.weights?.();
    const worst = Math.max(...moved.map((weight, i) => Math.abs(weight - (weights?.[i] ?? Number.NaN))));
    if (!(worst < 1e-4)) throw new Error(`${peer.name} learns differently, by ${worst}`);
  }
}

async function timed(
  peers: Peer[],
  rounds: number,
  what: "score" | "step",
  work: (peer: Peer) => unknown,
): Promise<Samples> {
  const able = peers.filter((peer) => peer[what]);
  const samples: Samples = Object.fromEntries(able.map(({ name }) => [name, []]));
  const calls = async (peer: Peer, count: number) => {
    const start = performance.now();
    for (let call = 0; call < count; call++) {
      const out = work(peer);
      if (out instanceof Promise) await out;
    }
    return performance.now() - start;
  };
  // The page's clock ticks in tenths of a millisecond: a sample is as many calls as take long beside that.
  const counts = new Map<Peer, number>();
  for (const peer of able) {
    await calls(peer, 30);
    counts.set(peer, Math.max(1, Math.ceil(SAMPLE_MS / ((await calls(peer, 10)) / 10))));
  }
  for (let round = 0; round < rounds; round++) {
    for (const peer of able) {
      const count = counts.get(peer) ?? 1;
      samples[peer.name]?.push((await calls(peer, count)) / count);
    }
  }
  return samples;
}

/** The peers that have shaders of their own, where there is WebGPU. */
async function shaders(rounds: number): Promise<Pick<Measured, "score200" | "score10k" | "step">> {
  const peers = [await jax("webgpu", net()), await tensorflow("webgpu", net())].filter((peer) => peer !== undefined);
  await agree(peers);
  const [few, many] = [uneven(200 * INPUTS, 1, 5), uneven(10_000 * INPUTS, 1, 5)];
  const [x, y] = [uneven(BATCH * INPUTS, 1, 9), uneven(BATCH, 1, 2)];
  return {
    score200: await timed(peers, rounds, "score", (peer) => peer.score?.(few, 200)),
    score10k: await timed(peers, rounds, "score", (peer) => peer.score?.(many, 10_000)),
    step: await timed(peers, rounds, "step", (peer) => peer.step?.(x, y, BATCH)),
  };
}

Object.assign(globalThis, { measured, crossover, choices, shaders });
