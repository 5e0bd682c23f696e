// Scheduling of learning: in slices between calls, or for as long as a caller says.

import type { Context } from "./calls.ts";
import type { Ranker } from "./module.ts";
import { stillWanted } from "./refusal.ts";

/** The longest slice: a call waits for one at most. */
const SLICE_MS = 8;
/** Background learning pauses this long after a call of `train`, which is mostly followed by another. */
const BY_HAND_MS = 50;

/** Runs work that has the device to itself; undefined where it is closed or may not learn. */
export type Exclusive = <T>(work: (device: Ranker | undefined) => T | Promise<T>) => Promise<T>;

/** Where shaders are to learn, what takes some steps by them and says how many. It depends on whether much is owed. */
export type ShaderSteps = (much: boolean) => Promise<(() => Promise<number>) | undefined>;

/** With less than this left to learn, WebGPU is not worth a measurement. */
const MUCH_MS = 1000;

export class Training {
  /** Steps of this session, and how long they took. */
  steps = 0;
  ms = 0;
  readonly #exclusive: Exclusive;
  readonly #shaderSteps: ShaderSteps;
  #owed = 0;
  #learning = false;
  /** Calls of `train` under way or just over. */
  #byHand = 0;

  constructor(exclusive: Exclusive, shaderSteps: ShaderSteps) {
    this.#exclusive = exclusive;
    this.#shaderSteps = shaderSteps;
  }

  /** Learns until nothing is left or the time is over; returns whether there is more. Other calls run between slices. */
  async byHand(maxMs: number, { signal, onProgress }: Context): Promise<boolean> {
    const end = performance.now() + maxMs;
    const slice = async () => {
      const more = await this.#slice(() => Math.max(0, Math.min(SLICE_MS, end - performance.now())));
      onProgress({ owed: this.#owed });
      return more;
    };
    this.#byHand += 1;
    try {
      let more = await slice();
      while (more && performance.now() < end) {
        stillWanted(signal);
        more = await slice();
      }
      return more;
    } finally {
      setTimeout(() => (this.#byHand -= 1), BY_HAND_MS);
    }
  }

  /** Learns in the background, slice after slice, as long as there is something to learn. */
  byItself(): void {
    if (this.#learning) return;
    this.#learning = true;
    const next = async () => {
      if (this.#byHand > 0) return void setTimeout(next, BY_HAND_MS);
      // An error of the module shows in the answer to the next call.
      this.#learning = await this.#slice(() => SLICE_MS).catch(() => false);
      if (this.#learning) setTimeout(next);
    };
    // After the pending answers.
    setTimeout(next);
  }

  /** One slice, by WebGPU or else by the module; returns whether there is more. */
  async #slice(maxMs: () => number): Promise<boolean> {
    const much = (this.ms / this.steps) * this.#owed > MUCH_MS && globalThis.navigator?.gpu !== undefined;
    const tune = await this.#shaderSteps(much).catch(() => undefined);
    return this.#exclusive(async (device) => {
      if (!device) return false;
      const [start, { owed }] = [performance.now(), device];
      const more = (await tune?.()) ? true : device.train(maxMs());
      this.#owed = device.owed;
      this.steps += owed - this.#owed;
      this.ms += performance.now() - start;
      return more;
    });
  }
}
