// TurboSHAKE128 (RFC 9861): Keccak-p[1600] with twelve rounds, and a rate of 168 bytes.

const RATE = 168;
const MASK = 2n ** 64n - 1n;

/** FIPS 202, 3.2.5: bits of a shift register. The last twelve of the 24 rounds. */
const CONSTANTS = (() => {
  let register = 1;
  const bit = () => {
    const out = register & 1;
    register <<= 1;
    if (register & 0x100) register ^= 0x171;
    return BigInt(out);
  };
  const all = Array.from({ length: 24 }, () => {
    let lane = 0n;
    for (let j = 0; j <= 6; j++) lane |= bit() << BigInt(2 ** j - 1);
    return lane;
  });
  return all.slice(12);
})();

const rotated = (lane: bigint, by: bigint) => ((lane << by) | (lane >> (64n - by))) & MASK;

/** Where a lane goes, and how far it is turned (FIPS 202, 3.2.2 and 3.2.3). */
const MOVES = (() => {
  const moves: { from: number; to: number; by: bigint }[] = [{ from: 0, to: 0, by: 0n }];
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    const [nextX, nextY] = [y, (2 * x + 3 * y) % 5];
    moves.push({ from: x + 5 * y, to: nextX + 5 * nextY, by: BigInt((((t + 1) * (t + 2)) / 2) % 64) });
    [x, y] = [nextX, nextY];
  }
  return moves;
})();

function permuted(lanes: bigint[]): bigint[] {
  let state = lanes;
  const at = (of: bigint[], index: number) => of[index] ?? 0n;
  for (const constant of CONSTANTS) {
    const columns = [0, 1, 2, 3, 4].map((x) => [0, 5, 10, 15, 20].reduce((sum, y) => sum ^ at(state, x + y), 0n));
    const theta = [0, 1, 2, 3, 4].map((x) => at(columns, (x + 4) % 5) ^ rotated(at(columns, (x + 1) % 5), 1n));
    const moved: bigint[] = Array(25).fill(0n);
    for (const { from, to, by } of MOVES) moved[to] = rotated(at(state, from) ^ at(theta, from % 5), by);
    state = moved.map((lane, index) => {
      const [x, row] = [index % 5, index - (index % 5)];
      return lane ^ (~at(moved, row + ((x + 1) % 5)) & MASK & at(moved, row + ((x + 2) % 5)));
    });
    state[0] = at(state, 0) ^ constant;
  }
  return state;
}

/** So many bytes of `message` under a domain separation byte. */
export function turboShake128(message: Buffer, domain: number, length: number): Buffer {
  const whole = Math.floor(message.length / RATE) + 1;
  const padded = Buffer.concat([message, Buffer.from([domain])], whole * RATE);
  padded[padded.length - 1] = (padded[padded.length - 1] ?? 0) ^ 0x80;
  let state: bigint[] = Array(25).fill(0n);
  for (let at = 0; at < padded.length; at += RATE) {
    state = state.map((lane, index) => (index < RATE / 8 ? lane ^ padded.readBigUInt64LE(at + 8 * index) : lane));
    state = permuted(state);
  }
  const out: Buffer[] = [];
  for (let done = 0; done < length; done += RATE) {
    const block = Buffer.alloc(RATE);
    for (let index = 0; index < RATE / 8; index++) block.writeBigUInt64LE(state[index] ?? 0n, 8 * index);
    out.push(block);
    state = permuted(state);
  }
  return Buffer.concat(out).subarray(0, length);
}
