// The module that ships, called as its worker calls it.

import type * as Rank from "../../../web/pkg/rank/rank.js";
import { uneven } from "./net.ts";

/** The profile that is ranked by: a full ring of recent items. */
const RING = 64;
const CANDIDATES = 200;
const SHOWN = 50;
const DIVERSITY = 0.3;
/** With the 15 that every profile has and 3 of each attribute these make the 64 features of the net that peers compute. */
export const DENSE = 40;
export const ATTRIBUTES = 3;
const COLUMNS = [DENSE, ATTRIBUTES];
/** What the heads are made with: steps of an event, examples of a step. */
export const [STEPS, BATCH] = [8, 8];
/** So many pairs of an epoch, each event's being `STEPS * BATCH`. */
const EVENTS = Math.ceil(25_000 / (STEPS * BATCH));
const EPOCHS = 9;

export interface Whole {
  simd: boolean;
  /** Milliseconds of each call, by the length of the embeddings. */
  rerank: Record<string, number[]>;
  /** The same of 1,000 candidates. */
  thousand: number[];
  epoch: number[];
  pairs: number;
}

type Flat = ConstructorParameters<typeof Rank.Items>;

export async function whole(rounds: number, sampleMs: number): Promise<Whole> {
  const at = "/rank/rank.js";
  const rank = (await import(at)) as typeof Rank;
  await rank.default();
  const head = async (d: number) => new Uint8Array(await (await fetch(`/heads/${d}.head`)).arrayBuffer());
  const open = async (d: number) => rank.Ranker.local(terms(rank), await head(d));
  const calls = (device: Rank.Ranker, flat: Flat, count: number) => {
    const start = performance.now();
    for (let call = 0; call < count; call++) {
      const slate = device.rerank(new rank.Items(...flat), SHOWN, DIVERSITY, NONE, NONE, [], call, 0);
      if (slate.order.length !== SHOWN || slate.shared.length === 0) throw new Error("an order is too short");
      slate.free();
    }
    return performance.now() - start;
  };
  const timed = (device: Rank.Ranker, flat: Flat, rounds: number) => {
    calls(device, flat, 30);
    const count = Math.max(1, Math.ceil(sampleMs / (calls(device, flat, 10) / 10)));
    return Array.from({ length: rounds }, () => calls(device, flat, count) / count);
  };
  const result: Whole = { simd: false, rerank: {}, thousand: [], epoch: [], pairs: EVENTS * STEPS * BATCH };
  for (const d of [64, 384]) {
    const device = await open(d);
    for (let n = 0; n < RING; n++) choose(n, d, device, rank);
    device.train(Number.POSITIVE_INFINITY);
    if (!device.personal) throw new Error("the server's order would be measured");
    result.rerank[d] = timed(device, items(1000, CANDIDATES, d), rounds);
    if (d === 64) result.thousand = timed(device, items(1000, 1000, d), Math.ceil(rounds / 3));
    result.simd = device.simd;
    device.free();
  }
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const device = await open(64);
    for (let n = 0; n < EVENTS; n++) choose(n, 64, device, rank);
    if (device.owed !== EVENTS * STEPS) throw new Error(`${device.owed} steps are owed, not ${EVENTS * STEPS}`);
    const start = performance.now();
    device.train(Number.POSITIVE_INFINITY);
    result.epoch.push(performance.now() - start);
    device.free();
  }
  return result;
}

const NONE = new Uint32Array();

export const terms = (rank: typeof Rank) => new rank.Terms("bench", new Uint8Array(32), undefined, []);

/** A slate of two is shown, and one of them is chosen: a pair. */
export function choose(n: number, d: number, device: Rank.Ranker, rank: typeof Rank, columns = COLUMNS): void {
  const slate = device.rerank(new rank.Items(...items(2 * n, 2, d, columns)), 0, 0, NONE, NONE, [], n, 0);
  device.shown(slate.id);
  device.record("click", new rank.Items(...items(2 * n, 1, d, columns)), 1, slate.id, n, 0);
  slate.free();
}

/** Items as they cross to a worker. */
export function items(first: number, count: number, d: number, [dense = 0, attributes = 0] = COLUMNS): Flat {
  const width = 1 + d + dense;
  const numbers = uneven(count * width, 1, first * width);
  const each = Array.from({ length: count }, (_, n) => first + n);
  return [
    Uint32Array.from(each.flatMap(() => [d, dense, attributes])),
    numbers,
    Uint16Array.from(each.flatMap(() => [0, 1, 2].slice(0, attributes))),
    each.flatMap((n) => [`item-${n}`, `topic-${n % 20}`, `source-${n % 31}`, `form-${n % 3}`].slice(0, 1 + attributes)),
  ];
}
