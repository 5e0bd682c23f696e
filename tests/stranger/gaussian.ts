// An integer discrete Gaussian, exactly: Canonne, Kamath and Steinke 2020, algorithms 1 to 3, over fractions.

import { randomBytes } from "node:crypto";

/** A fraction of integers. */
type Fraction = readonly [above: bigint, below: bigint];

/** Below `end`, each as likely. */
function below(end: bigint): bigint {
  const bits = (end - 1n).toString(2).length;
  const bytes = Math.ceil(bits / 8);
  for (;;) {
    const drawn = BigInt(`0x${randomBytes(bytes).toString("hex")}`) >> BigInt(8 * bytes - bits);
    if (drawn < end) return drawn;
  }
}

/** True with a probability of exp(-x), for x from 0. */
function decays([above, under]: Fraction): boolean {
  for (let whole = above / under; whole > 0n; whole--) if (!decaysBelowOne([1n, 1n])) return false;
  return decaysBelowOne([above % under, under]);
}

function decaysBelowOne([above, under]: Fraction): boolean {
  let k = 1n;
  while (below(k * under) < above) k++;
  return k % 2n === 1n;
}

function laplace(scale: bigint): bigint {
  for (;;) {
    const low = below(scale);
    if (!decays([low, scale])) continue;
    let high = 0n;
    while (decays([1n, 1n])) high++;
    const size = low + scale * high;
    const negative = below(2n) === 1n;
    if (negative && size === 0n) continue;
    return negative ? -size : size;
  }
}

/** A float64 is a fraction over a power of two. */
function fraction(value: number): Fraction {
  let [above, under] = [value, 1n];
  while (!Number.isInteger(above)) [above, under] = [above * 2, under * 2n];
  return [BigInt(above), under];
}

/** One draw of this deviation. */
export function gaussian(deviation: number): number {
  const [above, under] = fraction(deviation);
  const [square, squared] = [above * above, under * under];
  const scale = above / under + 1n;
  for (;;) {
    const drawn = laplace(scale);
    const size = drawn < 0n ? -drawn : drawn;
    // (|y| - d^2 / t)^2 / (2 d^2), over one denominator.
    const away = size * scale * squared - square;
    if (decays([away * away, 2n * square * squared * scale * scale])) return Number(drawn);
  }
}
