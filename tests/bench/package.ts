// How the package feels in a page: until the first order, from a click to another order, and what the page's own thread
// notices of learning and contributing.

import { appendFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import type { Personalizer } from "../../web/ts/index.ts";
import { launch, launchKept, required, Server } from "../harness.ts";
import { AT_ONCE, prepare, Site } from "../page/site.ts";
import { heartbeat, quantile } from "./heartbeat.ts";

const OPENINGS = 30;
/** So often until scripts are compiled out of the cache. */
const WARMING = 3;
const KNOWN_EVENTS = 300;
const CLICKS = 100;
const ACTS = 1000;
const BURST = 5000;
const BEATING_MS = 30_000;
const LIMIT_MS = 3;
const RELEASED_S = Date.UTC(2026, 0, 1) / 1000;

const file = join(required("PRIVET_FIGURES"), "package.jsonl");
const [site, browser] = [await Site.make(), await launch({ gpu: false })];
await writeFile(join(site.folder, "empty.js"), "postMessage(0);");
// Files of today a browser asks about again each time; what was released a while ago it takes out of its cache.
for (const name of await readdir(site.folder)) await utimes(join(site.folder, name), RELEASED_S, RELEASED_S);
const server = await Server.start(site.folder);

async function figure(id: string, unit: string, values: number[], share = 0.5): Promise<void> {
  const round = (value: number) => Math.round(value * 1000) / 1000;
  const [value, p10, p90] = [share, 0.1, 0.9].map((share) => round(quantile(values, share)));
  const from = { commit: process.env["PRIVET_COMMIT"], command: "cargo xtask bench package" };
  await appendFile(file, `${JSON.stringify({ id, value, unit, n: values.length, p10, p90, ...from })}\n`);
  process.stdout.write(`${id.padEnd(22)} ${value} ${unit}   (p10 ${p10}, p90 ${p90}, n ${values.length})\n`);
}

/** A page whose own code is small: what is measured is the package. */
async function opened(): Promise<Page> {
  const context = await browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  await page.goto(server.address);
  return page;
}

/** From the call that opens to the first order of 200, with everything that is loaded in the HTTP cache. */
async function firstOrder(page: Page): Promise<number> {
  return page.evaluate(
    async ({ policy }) => {
      const { leader: key } = await (await fetch("/v1/identity")).json();
      const items = Array.from({ length: 200 }, (_, n) => ({
        id: `item-${n}`,
        score: -n / 1000,
        embedding: Array.from({ length: 16 }, (_, i) => Math.sin(n * 17 + i)),
      }));
      const entry = "/index.js";
      const { createPersonalizer } = await import(entry);
      const start = performance.now();
      const aggregators = { leader: { url: "/", key } };
      const options = {
        task: "demo",
        aggregators,
        policy,
        backend: "scalar",
        schedule: "manual",
        allowEvictable: true,
      };
      const personalizer: Personalizer = await createPersonalizer(options);
      await personalizer.rerank(items);
      const took = performance.now() - start;
      Object.assign(globalThis, { personalizer, items });
      return took;
    },
    { policy: AT_ONCE },
  );
}

/** A page of a kept browser after the other, each with this done on it; what came of it but for the first ones. */
async function repeated<T>(context: BrowserContext, work: (page: Page) => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let n = 0; n < WARMING + OPENINGS; n++) {
    const page = await context.newPage();
    await page.goto(server.address);
    all.push(await work(page));
    await page.close();
  }
  return all.slice(WARMING);
}

/** Until a worker that does nothing has said so. */
const emptyWorker = (page: Page) =>
  page.evaluate(async () => {
    const start = performance.now();
    const worker = new Worker("/empty.js", { type: "module" });
    await new Promise((resolve) => worker.addEventListener("message", resolve));
    return performance.now() - start;
  });

/** Slates, and what was done on them: a device that has learnt. */
const browse = (page: Page) =>
  page.evaluate(async (events) => {
    const { personalizer, items } = globalThis as unknown as { personalizer: Personalizer; items: never[] };
    await personalizer.consent({ personalise: true });
    for (let n = 0; n < events; n++) {
      const { id, items: shown } = await personalizer.rerank(items);
      await personalizer.record({ kind: "click", slate: id, item: shown[(n * 37) % 10]! });
    }
    while (await personalizer.train({ maxMs: 500 }));
    await personalizer.close();
  }, KNOWN_EVENTS);

/** Click after click, each with the order that follows it; how long each pair took, and how often the order was new. */
const clicks = (page: Page) =>
  page.evaluate(async (count) => {
    const { personalizer, items } = globalThis as unknown as { personalizer: Personalizer; items: { id: string }[] };
    await personalizer.consent({ personalise: true, contribute: true });
    const ids = (slate: { items: { id: string }[] }) => slate.items.map(({ id }) => id).join();
    const candidates = items as never[];
    let [before, changed] = [ids(await personalizer.rerank(candidates)), 0];
    const took: number[] = [];
    for (let n = 0; n < count; n++) {
      const start = performance.now();
      await personalizer.record({ kind: "click", item: candidates[(n * 37) % 200]! });
      const after = ids(await personalizer.rerank(candidates));
      took.push(performance.now() - start);
      if (after !== before) changed += 1;
      before = after;
    }
    return { took, changed };
  }, CLICKS);

/** Acts that are waited for, so many a second: how long each took. Then as many as a burst has, one by one and at once, in s. */
const recorded = (page: Page) =>
  page.evaluate(
    async ({ acts, perSecond, burst }) => {
      const { personalizer, items } = globalThis as unknown as { personalizer: Personalizer; items: never[] };
      await personalizer.consent({ personalise: true });
      const act = (n: number) => personalizer.record({ kind: "click", item: items[(n * 37) % 200]! });
      const [took, begun]: [number[], number] = [[], performance.now()];
      for (let n = 0; n < acts; n++) {
        const due = begun + (1000 * n) / perSecond;
        await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
        const start = performance.now();
        await act(n);
        took.push(performance.now() - start);
      }
      const all = Array.from({ length: burst }, (_, n) => n);
      const inTurn = performance.now();
      for (const n of all) await act(n);
      const atOnce = performance.now();
      await Promise.all(all.map(act));
      return { took, inTurn: (atOnce - inTurn) / 1000, atOnce: (performance.now() - atOnce) / 1000 };
    },
    { acts: ACTS, perSecond: 100, burst: BURST },
  );

try {
  await mkdir(required("PRIVET_FIGURES"), { recursive: true });
  await writeFile(file, "");

  const folder = await mkdtemp(join(tmpdir(), "privet-profile-"));
  const kept = await launchKept(folder);
  await prepare(kept);
  await figure("empty_worker_ms", "ms", await repeated(kept, emptyWorker));
  await figure("first_rerank_ms", "ms", await repeated(kept, firstOrder));
  const known = await kept.newPage();
  await known.goto(server.address);
  await firstOrder(known);
  await browse(known);
  await known.close();
  await figure("first_rerank_known_ms", "ms", await repeated(kept, firstOrder));
  await kept.close();
  await rm(folder, { recursive: true });

  const page = await opened();
  await firstOrder(page);
  const { took, changed } = await clicks(page);
  if (changed < CLICKS / 2) throw new Error(`the order changed after ${changed} of ${CLICKS} clicks only`);
  await figure("event_to_order_ms", "ms", took);

  const writer = await opened();
  await firstOrder(writer);
  const acts = await recorded(writer);
  await figure("record_ms", "ms", acts.took);
  await figure("record_5000_in_turn_s", "s", [acts.inTurn]);
  await figure("record_5000_at_once_s", "s", [acts.atOnce]);
  await writer.close();

  const over = await page.evaluate(async (maxMs) => {
    const { personalizer, items } = globalThis as unknown as { personalizer: Personalizer; items: { id: string }[] };
    const over: number[] = [];
    const record = (kind: "impression" | "click", n: number) => personalizer.record({ kind, item: items[n]! as never });
    // What is chosen stands against what was passed over.
    for (let n = 0; n < 40; n++) await record("impression", n);
    for (let n = 40; n < 200; n++) await record("click", n);
    // What is forgotten makes all the rest be learnt anew: more than one call has time for.
    for (let n = 0; over.length < 50 && n < 100; n++) {
      const forgotten = personalizer.forget({ item: items[(n * 37) % 200]!.id });
      for (let more = true; more;) {
        const start = performance.now();
        more = await personalizer.train({ maxMs });
        if (more) over.push(performance.now() - start - maxMs);
      }
      await forgotten;
    }
    return over;
  }, LIMIT_MS);
  if (over.length < 50) throw new Error(`training was ended by its limit ${over.length} times only`);
  await figure("train_over_ms", "ms", over, 0.9);

  const idle = await heartbeat(page, BEATING_MS);
  const busy = heartbeat(page, BEATING_MS);
  const worked = page.evaluate(async (ms) => {
    const { personalizer, items } = globalThis as unknown as { personalizer: Personalizer; items: never[] };
    const end = performance.now() + ms;
    await personalizer.contribute();
    for (let n = 0; performance.now() < end; n++) {
      await personalizer.record({ kind: "click", item: items[(n * 31) % 200]! });
      await personalizer.train({ maxMs: 200 });
    }
  }, BEATING_MS);
  const [gaps] = [await busy, await worked];
  const excess = Math.max(0, quantile(gaps, 0.999) - quantile(idle, 0.999));
  await figure("main_thread_gap_ms", "ms", [excess]);
} finally {
  await browser.close();
  await server.end();
  await site.end();
}
