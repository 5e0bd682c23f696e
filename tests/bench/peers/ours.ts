// The kernels in a module of their own, over a memory as the core would own it.

import { INPUTS, type Net, type Peer, RATE, UNITS } from "./net.ts";

interface Kernels {
  forward(n: number, f: number, h: number, x: number, theta: number, z: number, s: number): void;
  scores(n: number, f: number, h: number, x: number, theta: number, z: number, s: number): void;
  backward(
    n: number,
    f: number,
    h: number,
    scale: number,
    x: number,
    theta: number,
    z: number,
    r: number,
    d: number,
    g: number,
  ): void;
  add(n: number, to: number, scale: number, from: number): void;
  dots(n: number, m: number, d: number, a: number, b: number, out: number): void;
  attention(n: number, m: number, sharpness: number, k: number, fixedWeight: number, out: number): void;
  peak(rounds: number, a: number): number;
  __stack_pointer: WebAssembly.Global;
}

const MOST_ROWS = 10_000;
const PARAMETERS = INPUTS + INPUTS * UNITS + 2 * UNITS;

/** A kernel's work: what it takes of sums and products, and a call. */
export interface Work {
  name: string;
  flop: number;
  call(): void;
}

/** What a re-ranking compares each of 200 candidates with: 4 decayed interests, 4 clusters, 64 recent items. */
const [CANDIDATES, COMPARED, RING] = [200, 72, 64];
/** A step of the bench of a step. */
const BATCH = 32;
/** What a weight of a look back takes for each recent item, the exponential included. */
const GLANCE_FLOP = 32;
const PEAK_ROUNDS = 2000;

export async function ours(name: string, url: string, net: Net): Promise<Peer & { works: Work[] }> {
  const memory = new WebAssembly.Memory({ initial: 256 });
  const { instance } = await WebAssembly.instantiateStreaming(fetch(url), { env: { memory } });
  const kernels = instance.exports as unknown as Kernels;
  const STACK = 4096;
  kernels.__stack_pointer.value = STACK;
  let end = STACK;
  const room = (count: number) => {
    const view = new Float32Array(memory.buffer, end, count);
    end += Math.ceil(count / 4) * 16;
    return view;
  };
  const [x, z, d] = [room(MOST_ROWS * INPUTS), room(MOST_ROWS * UNITS), room(MOST_ROWS * UNITS)];
  const [s, r, theta, g] = [room(MOST_ROWS), room(MOST_ROWS), room(PARAMETERS), room(PARAMETERS)];
  theta.set(net.w1, INPUTS);
  theta.set(net.b1, INPUTS + INPUTS * UNITS);
  theta.set(net.w2, INPUTS + INPUTS * UNITS + UNITS);
  const forward = (rows: number) =>
    kernels.forward(rows, INPUTS, UNITS, x.byteOffset, theta.byteOffset, z.byteOffset, s.byteOffset);
  const at = [x, theta, z, r, d, g].map((view) => view.byteOffset) as [number, number, number, number, number, number];
  const net2 = 2 * INPUTS * UNITS + 2 * (INPUTS + UNITS);
  const [a, b, out] = [x.byteOffset, z.byteOffset, d.byteOffset];
  const works: Work[] = [
    { name: "peak", flop: 96 * PEAK_ROUNDS, call: () => kernels.peak(PEAK_ROUNDS, 0.999) },
    { name: "forward, 200 rows", flop: CANDIDATES * net2, call: () => forward(CANDIDATES) },
    {
      name: "backward, 32 rows",
      flop: BATCH * net2,
      call: () => kernels.backward(BATCH, INPUTS, UNITS, 1, ...at),
    },
    ...[64, 384].map((d) => ({
      name: `dots, 200 by 72 of ${d}`,
      flop: 2 * CANDIDATES * COMPARED * d,
      call: () => kernels.dots(CANDIDATES, COMPARED, d, a, b, out),
    })),
    {
      name: "attention, 200 at 64, thrice",
      flop: 3 * GLANCE_FLOP * CANDIDATES * RING,
      call: () => {
        for (const sharpness of [8, 16, 8]) kernels.attention(CANDIDATES, RING, sharpness, a, b, out);
      },
    },
  ];
  return {
    name,
    works,
    score(input, rows) {
      x.set(input);
      kernels.scores(rows, INPUTS, UNITS, x.byteOffset, theta.byteOffset, z.byteOffset, s.byteOffset);
      return s.slice(0, rows);
    },
    step(input, y, rows) {
      x.set(input);
      forward(rows);
      for (let i = 0; i < rows; i++) r[i] = (2 / rows) * ((s[i] ?? 0) - (y[i] ?? 0));
      kernels.backward(rows, INPUTS, UNITS, 1, ...at);
      // What skips the units is no part of the peers' net.
      kernels.add(PARAMETERS - INPUTS, theta.byteOffset + 4 * INPUTS, -RATE, g.byteOffset + 4 * INPUTS);
    },
    weights: () => theta.slice(PARAMETERS - UNITS),
  };
}
