// What a server can read in the time between a round that was fetched and the upload that came for it.

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../../worker/host.ts";
import type { OpenOptions } from "../../worker/protocol.ts";
import { required, Server } from "../harness.ts";
import { choose, context, Kept, open, optionsFor } from "./device.ts";

const HOUR_MS = 3_600_000;
/** How often a sound build is accused: once in a thousand runs of a test. */
const LEVEL = 1e-3;
const DEVICES = 20;
const EPOCHS = 24;
/** Between two that begin. */
const APART_MS = 400;

let folder: string;
let server: Server;
let round: ArrayBuffer;
let head: ArrayBuffer;
let options: OpenOptions;
/** When each device, by the host that it asks, was given a round last, and when its upload came. */
const given = new Map<string, number>();
const came = new Map<string, number>();
const network = globalThis.fetch;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-timing-"));
  server = await Server.start(folder, "split", ["--tasks", await slowTask()]);
  round = await (await network(`${server.address}/v1/tasks/feed/round`)).arrayBuffer();
  options = { ...(await optionsFor(server)), task: "feed" };
  const host = await open(options);
  head = host.published.head.slice().buffer as ArrayBuffer;
  await host.close();
  globalThis.fetch = async (place, init) => {
    const url = new URL(String(place));
    if (url.pathname.includes("/heads/")) return new Response(head);
    if (init?.method !== "PUT") {
      given.set(url.host, performance.now());
      return new Response(round);
    }
    came.set(url.host, performance.now());
    return Response.json({ count: 1, min_cohort: 100 });
  };
});
after(async () => {
  globalThis.fetch = network;
  await server.end();
  await rm(folder, { recursive: true });
});

/** The demo's task with a head that takes many epochs: what is to be hidden is large. */
async function slowTask(): Promise<string> {
  const demo = new URL("../../demo/task/", import.meta.url);
  const settings = JSON.parse(await readFile(new URL("settings.json", demo), "utf8"));
  Object.assign(settings.schema, { embedding: 16, attributes: [] });
  Object.assign(settings, { upload: { epochs: EPOCHS, rate: 0.01 } });
  const [plain, head, tasks] = ["settings.json", "first.head", "tasks.toml"].map((name) => join(folder, name));
  await writeFile(plain!, JSON.stringify(settings));
  execFileSync(required("PRIVET_SERVER"), ["head", "start", plain!, head!]);
  const task = await readFile(new URL("tasks.toml", demo), "utf8");
  await writeFile(tasks!, task.replace(/(min_cohort|goal) = \d+/g, "$1 = 100"));
  return tasks!;
}

/** The Kolmogorov-Smirnov statistic of two samples, over what it exceeds at this level where they are of one kind. */
function apart(a: number[], b: number[]): number {
  const under = (sample: number[], x: number) => sample.filter((value) => value <= x).length / sample.length;
  const most = Math.max(...[...a, ...b].map((x) => Math.abs(under(a, x) - under(b, x))));
  return most / Math.sqrt((-Math.log(LEVEL / 2) / 2) * (1 / a.length + 1 / b.length));
}

const asking = (host: string) => ({ ...options, leader: { ...options.leader!, url: `http://${host}` } });

/** A store of a device that has seen nothing, and one that is as full as it gets. */
async function stores(): Promise<[Kept, Kept]> {
  const made = [0, 4096].map(async (events) => {
    const store = new Kept();
    const host = await open(asking(`${events}.test`), store);
    await host.consent({ personalise: true, contribute: false });
    await choose(host, events);
    while (await host.train(5000, context()));
    assert.equal((await host.preview()).examples > 0, events > 0);
    await host.close();
    return store;
  });
  return (await Promise.all(made)) as [Kept, Kept];
}

/** Does this with devices of either kind in turns, so that a machine that is busy for a while is as busy for both. */
async function inTurns(
  work: (host: Host, at: string) => Promise<number>,
  more: Partial<OpenOptions> = {},
): Promise<[number[], number[]]> {
  given.clear();
  came.clear();
  const [gaps, kept] = [[[], []] as [number[], number[]], await stores()];
  const all = Array.from({ length: 2 * DEVICES }, async (_, n) => {
    const [kind, at] = [n % 2, `${n}.test`];
    // One after the other computes; what they wait for, they wait for together.
    await new Promise((resolve) => setTimeout(resolve, n * APART_MS));
    const host = await open({ ...asking(at), ...more }, await kept[kind]?.copy());
    gaps[kind]?.push(await work(host, at));
    await host.close();
  });
  await Promise.all(all);
  return gaps;
}

function alike(gaps: [number[], number[]]): void {
  const [nothing, much] = gaps.map((gaps) => gaps.map((gap) => Math.round(gap)).sort((a, b) => a - b));
  const statistic = apart(...gaps);
  assert.ok(statistic < 1, `${statistic} of what is rare; of nothing ${nothing} ms; of much ${much} ms`);
}

test("by hand, an upload's time does not tell whether its device had anything to say", async () => {
  const gaps = await inTurns(async (host, at) => {
    await host.consent({ contribute: true });
    await host.contribute(context());
    return (came.get(at) ?? Number.NaN) - (given.get(at) ?? Number.NaN);
  });
  alike(gaps);
});

test("by the clock, it leaves at a moment of the next hour that is drawn, and that says as little", async () => {
  const [timer, device, planned] = [globalThis.setTimeout, new AsyncLocalStorage<string>(), new Map<string, number>()];
  // What waits for so long is not waited for. Its slot's end is waited for first, then what is sent.
  const wait = (work: () => void, ms = 0, ...rest: never[]) => {
    const at = device.getStore();
    if (ms < 10_000 || !at) return timer(work, ms, ...rest);
    planned.set(at, performance.now() + ms);
    return timer(() => undefined, 0);
  };
  globalThis.setTimeout = wait as typeof setTimeout;
  try {
    const scheduled = async (host: Host, at: string) => {
      await device.run(at, () => host.consent({ contribute: true }));
      const before = planned.get(at);
      for (let n = 0; planned.get(at) === before; n++) {
        assert.ok(n < 400, "nothing was made");
        await new Promise((resolve) => timer(resolve, 50));
      }
      assert.equal((await host.ledger())[0]?.fate, "ready");
      assert.equal(came.has(at), false, "it is not sent as soon as it is made");
      return (planned.get(at) ?? Number.NaN) - (given.get(at) ?? Number.NaN);
    };
    const gaps = await inTurns(scheduled, { scheduled: true });
    alike(gaps);
    // Of 40 moments that are drawn evenly over an hour, none lies in its first or last third once in five million times.
    const all = gaps.flat();
    assert.ok(Math.min(...all) < HOUR_MS / 3 && Math.max(...all) > (2 * HOUR_MS) / 3, String(all));
  } finally {
    globalThis.setTimeout = timer;
  }
});
