import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { INPUTS, type Net, type Peer, RATE, UNITS } from "./net.ts";

export async function tensorflow(backend: "wasm" | "cpu" | "webgpu", net: Net): Promise<Peer> {
  setWasmPaths("/peers/");
  setThreadsCount(1);
  await tf.setBackend(backend);
  await tf.ready();
  const w1 = tf.variable(tf.tensor2d(net.w1, [INPUTS, UNITS]));
  const b1 = tf.variable(tf.tensor1d(net.b1));
  const w2 = tf.variable(tf.tensor2d(net.w2, [UNITS, 1]));
  const scores = (x: tf.Tensor) =>
    tf.reshape(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), [-1]) as tf.Tensor1D;
  return {
    name: `TF.js ${backend}`,
    score: async (x, rows) => {
      await tf.setBackend(backend);
      const out = tf.tidy(() => scores(tf.tensor2d(x, [rows, INPUTS])));
      // A GPU's numbers can only be waited for.
      const read = backend === "webgpu" ? await out.data() : out.dataSync();
      out.dispose();
      return read as Float32Array;
    },
    step: async (x, y, rows) => {
      await tf.setBackend(backend);
      tf.tidy(() => {
        const input = tf.tensor2d(x, [rows, INPUTS]);
        const target = tf.tensor1d(y);
        const { grads } = tf.variableGrads(
          () => tf.mean(tf.square(tf.sub(scores(input), target))) as tf.Scalar,
          [w1, b1, w2],
        );
        for (const variable of [w1, b1, w2]) {
          const slope = grads[variable.name];
          if (slope) variable.assign(tf.sub(variable, tf.mul(slope, RATE)));
        }
      });
      if (backend === "webgpu") await w2.data();
    },
    weights: async () => (await w2.data()) as Float32Array,
  };
}
