// When a device learns: by itself between calls, or for as long as somebody says.

import type { Context } from "./calls.ts";
import type { Device } from "./module.ts";
import { stillWanted } from "./refusal.ts";

/** A call waits for one slice of learning at most. */
const SLICE_MS = 8;
/** Whoever trains by hand goes on at once, mostly, and would wait for a slice of what is learnt unasked. */
const BY_HAND_MS = 50;

/** Has the device to itself; there is none where it is closed, or may not learn. */
export type Turn = <T>(work: (device: Device | undefined) => T) => Promise<T>;

export class Training {
  /** What this session has learnt, and how long that took. */
  steps = 0;
  ms = 0;
  readonly #turn: Turn;
  #learning = false;
  /** How many calls train, or did a moment ago. */
  #byHand = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Until nothing is left to learn or the time is over; whether there is more. Other calls come between its slices. */
  async byHand(maxMs: number, { signal, onProgress }: Context): Promise<boolean> {
    const end = performance.now() + maxMs;
    const slice = (device: Device | undefined) => {
      if (!device) return false;
      const more = this.#slice(device, Math.max(0, Math.min(SLICE_MS, end - performance.now())));
      onProgress({ owed: device.owed });
      return more;
    };
    this.#byHand += 1;
    try {
      let more = await this.#turn(slice);
      while (more && performance.now() < end) {
        stillWanted(signal);
        more = await this.#turn(slice);
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
      const slice = (device: Device | undefined) => device !== undefined && this.#slice(device, SLICE_MS);
      this.#learning = await this.#turn(slice).catch(() => false);
      if (this.#learning) setTimeout(next);
    };
    void next();
  }

  #slice(device: Device, maxMs: number): boolean {
    const [start, { owed }] = [performance.now(), device];
    const more = device.train(maxMs);
    this.steps += owed - device.owed;
    this.ms += performance.now() - start;
    return more;
  }
}
