import { defaultDevice, init, jit, numpy as np, valueAndGrad } from "@jax-js/jax";
import { INPUTS, type Net, type Peer, RATE, UNITS } from "./net.ts";

type Weights = { w1: np.Array; b1: np.Array; w2: np.Array };

export async function jax(device: "wasm" | "webgpu", net: Net): Promise<Peer | undefined> {
  if (!(await init(device)).includes(device)) return undefined;
  defaultDevice(device);
  const weights: Weights = {
    w1: np.array(net.w1).reshape([INPUTS, UNITS]),
    b1: np.array(net.b1),
    w2: np.array(net.w2).reshape([UNITS, 1]),
  };
  const scores = ({ w1, b1, w2 }: Weights, x: np.Array) =>
    np.dot(np.maximum(np.dot(x, w1).add(b1), 0), w2).reshape([-1]);
  const score = jit(scores);
  const loss = (weights: Weights, x: np.Array, y: np.Array) => {
    const error = scores(weights, x).sub(y);
    return np.mean(error.ref.mul(error));
  };
  const slopes = jit((weights: Weights, x: np.Array, y: np.Array) => {
    const held = { w1: weights.w1.ref, b1: weights.b1.ref, w2: weights.w2.ref };
    const [, g] = valueAndGrad(loss)(held, x, y) as [np.Array, Weights];
    return {
      w1: weights.w1.sub(g.w1.mul(RATE)),
      b1: weights.b1.sub(g.b1.mul(RATE)),
      w2: weights.w2.sub(g.w2.mul(RATE)),
    };
  });
  let live = weights;
  const held = () => ({ w1: live.w1.ref, b1: live.b1.ref, w2: live.w2.ref });
  return {
    name: `jax-js ${device}`,
    async score(x, rows) {
      const out = score(held(), np.array(x).reshape([rows, INPUTS]));
      return (await out.data()) as Float32Array;
    },
    async step(x, y, rows) {
      live = slopes(live, np.array(x).reshape([rows, INPUTS]), np.array(y)) as Weights;
      // Its steps are lazy: the numbers are there when they are read.
      await live.b1.ref.data();
    },
    weights: async () => (await live.w2.ref.data()) as Float32Array,
  };
}
