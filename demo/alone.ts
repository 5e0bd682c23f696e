// The element on a page that has nothing else of the demo's.

import { createPersonalizer } from "privet";
import "privet-audit";

const ITEMS = Array.from({ length: 4 }, (_, n) => ({
  id: `item-${n}`,
  embedding: Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0.125)),
}));

async function start(): Promise<void> {
  await navigator.serviceWorker?.register("witness.js");
  const { leader, helper } = (await (await fetch("v1/identity")).json()) as { leader: string; helper?: string };
  const personalizer = await createPersonalizer({
    task: "demo",
    aggregators: { leader: { url: ".", key: leader }, ...(helper && { helper: { key: helper } }) },
    policy: { waitMs: 0, sessions: 1, intervalMs: 0, interleaveEvery: 0, minCohort: 2 },
    schedule: "manual",
    allowEvictable: true,
  });
  await personalizer.consent({ personalise: true, contribute: true });
  const audit = document.querySelector("privet-audit");
  if (audit) {
    audit.files = { "v1/identity": "the aggregators' keys, which a site would have built in" };
    audit.personalizer = personalizer;
  }
  const click = (id: string, work: () => Promise<unknown>) => {
    const button = document.getElementById(id) as HTMLButtonElement;
    button.addEventListener("click", () => {
      button.disabled = true;
      // What went wrong stands in the log.
      void work()
        .catch(() => undefined)
        .finally(() => (button.disabled = false));
    });
  };
  click("browse", async () => {
    for (const item of ITEMS) await personalizer.record({ kind: "impression", item });
    for (const item of ITEMS.slice(2)) await personalizer.record({ kind: "click", item });
  });
  click("contribute", () => personalizer.contribute());
  document.body.dataset["ready"] = "";
}

void start();
