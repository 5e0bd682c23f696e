// The net that all of them compute: 64 numbers in, 32 rectified units, one score; and the same weights for all.

export const INPUTS = 64;
export const UNITS = 32;

export interface Net {
  /** (64, 32), row by row. */
  w1: Float32Array;
  b1: Float32Array;
  w2: Float32Array;
}

/** Something that scores rows, and steps down the squared error; typed arrays in and out. */
export interface Peer {
  name: string;
  score?(x: Float32Array, rows: number): Promise<Float32Array> | Float32Array;
  /** One step of plain descent over the mean squared error, weights kept where the peer keeps them. */
  step?(x: Float32Array, y: Float32Array, rows: number): Promise<void> | void;
  /** Where the steps have led: `w2`, to see that the peer computed. */
  weights?(): Promise<Float32Array> | Float32Array;
}

export const RATE = 0.01;

/** Uneven numbers between −size and size, the same on every run. */
export function uneven(count: number, size: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => size * (2 * (((i + seed) * 0.618034) % 1) - 1));
}

export function net(): Net {
  return { w1: uneven(INPUTS * UNITS, 0.2, 1), b1: uneven(UNITS, 0.1, 7), w2: uneven(UNITS, 0.3, 3) };
}
