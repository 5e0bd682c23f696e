// When what is finished is sent: at a moment that is drawn, and never as soon as it is finished. How long it took to make
// tells how much there was to make it from.

import { stillWanted } from "./refusal.ts";

/** Of what a session finished by the clock, the upload leaves within so long. */
export const HOUR_MS = 3_600_000;
/** What an earlier session left unsent leaves within a minute, and not before a profile of any size is read. */
export const OPENING_MS = { longest: 5000, span: 60_000 };

/**
 * How long it is from now until a moment that is drawn in the span after the longest that the work since `startMs` may
 * have taken. Work that took longer still is told in steps of that length, and not in milliseconds.
 */
export function untilDrawn(startMs: number, longestMs: number, spanMs: number, nowMs = performance.now()): number {
  const due = startMs + longestMs + drawn() * spanMs;
  const late = Math.max(0, Math.ceil((nowMs - due) / longestMs));
  return due + late * longestMs - nowMs;
}

/** A part of 1, from where keys come from: who could foretell it could take it off again. */
function drawn(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

/** Waits so long, or until nobody waits any more. */
export async function pass(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
  stillWanted(signal);
}
