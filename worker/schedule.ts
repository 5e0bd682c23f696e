// When a device looks whether to contribute: at the beginning of slots that the clock makes, and that begin at a time of
// each device's own. What the user does is no argument of anything here.

export interface Slots {
  /** How long each is. */
  ms: number;
  /** When the first began. Drawn once for each device, so that not all devices send at once. */
  offsetMs: number;
}

/** A week between contributions makes slots of a day: what one slot refuses the next may allow. */
export function slotsOf(intervalMs = 7 * 24 * 3600 * 1000, random = Math.random()): Slots {
  const ms = Math.max(intervalMs / 7, 1000);
  return { ms, offsetMs: Math.floor(random * ms) };
}

export function slotAt({ ms, offsetMs }: Slots, nowMs: number): number {
  return Math.floor((nowMs - offsetMs) / ms);
}

/** How long until the next slot begins; timers take no more than 31 bits. */
export function untilNext(slots: Slots, nowMs: number): number {
  const begins = (slotAt(slots, nowMs) + 1) * slots.ms + slots.offsetMs;
  return Math.min(begins - nowMs, 2 ** 31 - 1);
}
