import { Personalizer } from "./personalizer.ts";
import type { Options, Serve } from "./types.ts";

interface SyncEvent extends Event {
  tag: string;
  waitUntil(work: Promise<unknown>): void;
}

/**
 * In a Service Worker: contributes when the browser gives it time, which is the browser's clock and no event of the
 * user's. The policy's interval holds as ever. `serve` is `privet/worker`'s, because a Service Worker loads nothing late.
 * The page registers it, where the browser has it: `registration.periodicSync?.register("privet", { minInterval })`.
 */
export function onPeriodicSync(options: Options & { worker: Serve }, tag = "privet"): void {
  const contribute = async () => {
    const personalizer = await Personalizer.open({ ...options, schedule: "manual" });
    // Refusals are the rule: too soon, no consent, over budget. The next time comes by itself.
    await personalizer.contribute().catch(() => undefined);
    await personalizer.close();
  };
  addEventListener("periodicsync", (event) => {
    const sync = event as SyncEvent;
    if (sync.tag === tag) sync.waitUntil(contribute());
  });
}
