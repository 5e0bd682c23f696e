// A heart that beats on a page's own thread: a message goes from one port to another, again and again, and what lies
// between two beats is what a click or a frame may have had to wait. The browser's Long Tasks see nothing under 50 ms.

import type { Page } from "playwright-core";

/** The longest gap that ended in each window of ten milliseconds: a page beats a hundred thousand times a second. */
const WINDOW_MS = 10;

/** The windows' gaps, in milliseconds. */
export function heartbeat(page: Page, ms: number): Promise<number[]> {
  return page.evaluate(
    ([ms, windowMs]) =>
      new Promise<number[]>((done) => {
        const { port1, port2 } = new MessageChannel();
        const gaps: number[] = [];
        const start = performance.now();
        let [last, until, longest] = [start, start + windowMs, 0];
        port1.onmessage = () => {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          if (now >= until) {
            gaps.push(longest);
            [until, longest] = [now + windowMs, 0];
          }
          if (now - start < ms) return port2.postMessage(0);
          port1.close();
          done(gaps);
        };
        port2.postMessage(0);
      }),
    [ms, WINDOW_MS] as const,
  );
}

export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}
