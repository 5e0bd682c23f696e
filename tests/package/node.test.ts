// Node as a full client: the packed package, a folder for its store, a real leader and helper.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import type * as Package from "../../web/ts/node/index.ts";
import { required, Server } from "../harness.ts";

const COHORT = 3;
const POLICY = { waitMs: 0, sessions: 0, intervalMs: 0, interleaveEvery: 0, minCohort: COHORT } as const;
const ITEMS = [0, 1, 2, 3].map((n) => ({
  id: `item-${n}`,
  score: -n / 20,
  embedding: Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0.125)),
}));

let folder: string;
let entry: string;
let server: Server;
let privet: typeof Package;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-node-"));
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  execFileSync("tar", ["-xzf", required("PRIVET_TARBALL"), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "privet"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "entry.js"), 'export * from "privet/node";');
  entry = join(folder, "entry.js");
  privet = (await import(entry)) as typeof Package;
  server = await Server.start(folder, "split", ["--min-cohort", String(COHORT)]);
});
after(async () => {
  await server.end();
  await rm(folder, { recursive: true });
});

async function options(name: string): Promise<Package.NodeOptions> {
  const { leader, helper } = (await (await fetch(`${server.address}/v1/identity`)).json()) as Record<string, string>;
  const aggregators = { leader: { url: server.address, key: leader ?? "" }, helper: { key: helper ?? "" } };
  return { folder: join(folder, name), task: "demo", aggregators, policy: POLICY, schedule: "manual" };
}

async function open(name: string): Promise<Package.Personalizer> {
  const personalizer = await privet.createPersonalizer(await options(name));
  await personalizer.consent({ personalise: true, contribute: true });
  return personalizer;
}

async function browse(personalizer: Package.Personalizer, clicks: number[]): Promise<void> {
  for (const item of ITEMS) await personalizer.record({ kind: "impression", item });
  for (const n of clicks) await personalizer.record({ kind: "click", item: ITEMS[n]! });
  while (await personalizer.train({ maxMs: 50 }));
}

const order = async (personalizer: Package.Personalizer) =>
  (await personalizer.rerank(ITEMS)).items.map(({ id }) => id);

const shared = async (personalizer: Package.Personalizer) => {
  const { items, scores } = await personalizer.rerank(ITEMS, { explain: true });
  return Object.fromEntries(items.map(({ id }, place) => [id, scores[place]?.shared]));
};

test("record, train, contribute; the round closes; a new head arrives and changes the scores; all of it is kept", async () => {
  for (const name of ["one", "two"]) {
    const other = await open(name);
    await browse(other, [1, 1]);
    assert.equal((await other.contribute()).round, 1);
    await other.close();
  }
  const personalizer = await open("three");
  const before = await order(personalizer);
  await browse(personalizer, [3, 3, 3]);
  assert.notDeepEqual(await order(personalizer), before, "a click changes the order");
  const own = await shared(personalizer);
  const receipt = await personalizer.contribute();
  assert.deepEqual([receipt.round, receipt.count, receipt.backend], [1, COHORT, "simd"]);
  for (let n = 0; n < 150 && !(await personalizer.refresh().catch(() => false)); n++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  while (await personalizer.train({ maxMs: 50 }));
  const { round, events, storage, rhoSpent } = await personalizer.status();
  assert.deepEqual([round, events, storage], [2, 7, "file"]);
  assert.ok(rhoSpent > 0);
  assert.notDeepEqual(await shared(personalizer), own);
  const last = await order(personalizer);
  await personalizer.close();

  const again = await open("three");
  assert.deepEqual(await order(again), last);
  assert.equal((await again.status()).rhoSpent, rhoSpent);
  const [entry] = await again.audit.ledger();
  assert.deepEqual([entry?.fate, entry?.round, entry?.id], ["sent", 1, receipt.id]);
  await again.close();
});

/** Another process that opens a folder, says so, and stays. */
async function holder(name: string) {
  const script = `import { createPersonalizer } from ${JSON.stringify(entry)};
    const personalizer = await createPersonalizer(${JSON.stringify(await options(name))});
    await personalizer.consent({ personalise: true, contribute: true });
    for (const item of ${JSON.stringify(ITEMS)}) await personalizer.record({ kind: "click", item });
    console.log("open");
    setInterval(() => undefined, 1000);`;
  const args = ["--input-type=module", "--eval", script];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) if (line === "open") break;
  return child;
}

test("a folder has one writer; one that was killed leaves it, and what it had recorded", async () => {
  const child = await holder("held");
  await assert.rejects(open("held"), (error: { code?: string }) => error.code === "storage-unavailable");
  child.kill("SIGKILL");
  await once(child, "exit");
  const personalizer = await open("held");
  assert.equal((await personalizer.status()).events, ITEMS.length);
  await personalizer.close();
  assert.ok(!(await readdir(join(folder, "held"))).some((name) => name.startsWith("lock")), "the lock is given back");
});

test("a change of several keys is all of it or nothing", async () => {
  const place = join(folder, "torn");
  const store = await privet.FileStore.open(place);
  await store.put({ a: Uint8Array.of(1), b: Uint8Array.of(2) }, true);
  await store.close();
  const other = await privet.FileStore.open(join(folder, "whole"));
  await other.put({ "x/y": Uint8Array.of(7), gone: Uint8Array.of(1) }, true);
  await other.put({ gone: undefined }, true);
  assert.deepEqual(await other.keys(""), ["x/y"]);
  assert.deepEqual(await other.get("x/y"), Uint8Array.of(7));
  await other.close();
  await writeFile(join(place, "c.value.new"), "half of a value that was never named");
  const again = await privet.FileStore.open(place);
  assert.deepEqual(await again.keys(""), ["a", "b"]);
  await again.clear();
  assert.deepEqual(await again.keys(""), []);
  await again.close();
});

test("a process ends by itself, unless it is to be kept alive; what it recorded is there for the next", async () => {
  const run = async (more: object) => {
    const opened = { ...(await options("ends")), schedule: "auto", ...more };
    const script = `import { createPersonalizer } from ${JSON.stringify(entry)};
      const personalizer = await createPersonalizer(${JSON.stringify(opened)});
      await personalizer.consent({ personalise: true, contribute: true });
      await personalizer.record({ kind: "click", item: ${JSON.stringify(ITEMS[0])} });
      console.log("recorded");`;
    const args = ["--input-type=module", "--eval", script];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: child.stdout })) if (line === "recorded") break;
    return child;
  };
  const child = await run({});
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0);
  const kept = await run({ keepAlive: true });
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.equal(kept.exitCode, null, "its clock goes on");
  kept.kill("SIGKILL");
  await once(kept, "exit");
  const personalizer = await open("ends");
  assert.equal((await personalizer.status()).events, 2);
  await personalizer.close();
});
