// From a mean to the next head's parameters, in float64 and in the order of docs/wire-format.md.

export type Optimiser =
  | { kind: "sgd"; rate: number; momentum: number }
  | { kind: "adam" | "yogi"; rate: number; beta1: number; beta2: number; epsilon: number };

/** What is carried from a round to the next: the averages, and the betas' powers. */
export interface Memory {
  first: Float64Array;
  second: Float64Array;
  decayed: [number, number];
}

export function fresh(dimension: number): Memory {
  return { first: new Float64Array(dimension), second: new Float64Array(dimension), decayed: [1, 1] };
}

/** The next parameters; the memory is changed to that of the head that has them. */
export function step(by: Optimiser, memory: Memory, parameters: Float32Array, mean: Float64Array): Float32Array {
  const { first, second, decayed } = memory;
  if (by.kind !== "sgd") {
    decayed[0] *= by.beta1;
    decayed[1] *= by.beta2;
  }
  return parameters.map((weight, at) => {
    const [g, m, v] = [mean[at] ?? 0, first[at] ?? 0, second[at] ?? 0];
    if (by.kind === "sgd") {
      first[at] = by.momentum * m + g;
      return weight - by.rate * first[at];
    }
    const { rate, beta1, beta2, epsilon } = by;
    const square = g * g;
    const nextM = beta1 * m + (1 - beta1) * g;
    const away = v > square ? 1 : -1;
    const nextV = by.kind === "adam" ? beta2 * v + (1 - beta2) * square : v - (1 - beta2) * away * square;
    first[at] = nextM;
    second[at] = nextV;
    return weight - (rate * (nextM / (1 - decayed[0]))) / (Math.sqrt(nextV / (1 - decayed[1])) + epsilon);
  });
}
