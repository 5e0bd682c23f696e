// The kernels in a module of their own, over a memory as the core would own it.

import { INPUTS, type Net, type Peer, RATE, UNITS } from "./net.ts";

interface Kernels {
  forward(n: number, f: number, h: number, x: number, theta: number, z: number, s: number): void;
  scores(n: number, f: number, h: number, x: number, theta: number, s: number): void;
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
  __stack_pointer: WebAssembly.Global;
}

const MOST_ROWS = 10_000;
const PARAMETERS = INPUTS + INPUTS * UNITS + 2 * UNITS;

export async function ours(name: string, url: string, net: Net): Promise<Peer> {
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
  return {
    name,
    score(input, rows) {
      x.set(input);
      kernels.scores(rows, INPUTS, UNITS, x.byteOffset, theta.byteOffset, s.byteOffset);
      return s.slice(0, rows);
    },
    step(input, y, rows) {
      x.set(input);
      forward(rows);
      for (let i = 0; i < rows; i++) r[i] = (2 / rows) * ((s[i] ?? 0) - (y[i] ?? 0));
      const at = [x, theta, z, r, d, g].map((view) => view.byteOffset) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      kernels.backward(rows, INPUTS, UNITS, 1, ...at);
      for (let p = INPUTS; p < PARAMETERS; p++) theta[p] = (theta[p] ?? 0) - RATE * (g[p] ?? 0);
    },
    weights: () => theta.slice(PARAMETERS - UNITS),
  };
}
