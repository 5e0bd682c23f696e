// When a device learns: by itself between calls, or for as long as somebody says.

import type { Context } from "./calls.ts";
import type { Ranker } from "./module.ts";
import { stillWanted } from "./refusal.ts";

/** A call waits for one slice of learning at most. */
const SLICE_MS = 8;
/** Whoever trains by hand goes on at once, mostly, and would wait for a slice of what is learnt unasked. */
const BY_HAND_MS = 50;

/** Has the device to itself; there is none where it is closed, or may not learn. */
export type Exclusive = <T>(work: (device: Ranker | undefined) => T | Promise<T>) => Promise<T>;

/** Where shaders are to learn, what takes some steps by them and says how many. It depends on whether much is owed. */
export type ShaderSteps = (much: boolean) => Promise<(() => Promise<number>) | undefined>;

/** What takes less to learn is not worth a look at another way, and where there is no WebGPU there is none. */
const MUCH_MS = 1000;

export class Training {
  /** What this session has learnt, and how long that took. */
  steps = 0;
  ms = 0;
  readonly #exclusive: Exclusive;
  readonly #shaderSteps: ShaderSteps;
  #owed = 0;
  #learning = false;
  /** How many calls train, or did a moment ago. */
  #byHand = 0;

  constructor(exclusive: Exclusive, shaderSteps: ShaderSteps) {
    this.#exclusive = exclusive;
    this.#shaderSteps = shaderSteps;
  }

  /** Until nothing is left to learn or the time is over; whether there is more. Other calls come between its slices. */
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

  /** Slice after slice as long as there is something to learn; calls come between. */
  byItself(): void {
    if (this.#learning) return;
    this.#learning = true;
    const next = async () => {
      if (this.#byHand > 0) return void setTimeout(next, BY_HAND_MS);
      // A module that has failed says so in the answer to the next call.
      this.#learning = await this.#slice(() => SLICE_MS).catch(() => false);
      if (this.#learning) setTimeout(next);
    };
    // Whoever waits for an answer has it first.
    setTimeout(next);
  }

  /** By shaders where these are to, else by the module; whether there is more. */
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
