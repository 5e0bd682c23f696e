// Many people in one process of Node: each has a folder, or a store, of their own, and nobody is another.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type * as Plain from "../../web/ts/index.ts";
import type * as Package from "../../web/ts/node/index.ts";
import { required, Server } from "../harness.ts";

/** So many are open at once. */
const PEOPLE = 300;
/** So many are opened at a time. */
const AT_A_TIME = 25;
const AGREED = { personalise: true, contribute: false };
const ITEMS = Array.from({ length: 16 }, (_, n) => ({
  id: `item-${n}`,
  score: -n / 1000,
  embedding: Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0.125)),
}));

let folder: string;
let head: Uint8Array;
let privet: typeof Package;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-people-"));
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  execFileSync("tar", ["-xzf", required("PRIVET_TARBALL"), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "privet"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "entry.js"), 'export * from "privet/node";');
  await writeFile(join(folder, "plain.js"), 'export * from "privet"; export { serve } from "privet/worker";');
  privet = (await import(join(folder, "entry.js"))) as typeof Package;
  head = await publishedHead();
});
after(() => rm(folder, { recursive: true }));

/** A head that a server trained nobody for: all that these tests need of one. */
async function publishedHead(): Promise<Uint8Array> {
  const server = await Server.start(folder);
  try {
    const { leader: key = "" } = (await (await fetch(`${server.address}/v1/identity`)).json()) as { leader?: string };
    const aggregators = { leader: { url: server.address, key } };
    const asking = await privet.createPersonalizer({ folder: join(folder, "asking"), task: "demo", aggregators });
    const hash = Buffer.from((await asking.audit.inspect("round"))["head"] as Uint8Array).toString("hex");
    await asking.close();
    return new Uint8Array(await (await fetch(`${server.address}/v1/heads/${hash}`)).arrayBuffer());
  } finally {
    await server.end();
  }
}

const open = (name: string, more: Partial<Package.NodeOptions> = {}) =>
  privet.createPersonalizer({
    ...{ folder: join(folder, name), task: "feed", head, policy: { interleaveEvery: 0 }, schedule: "manual" },
    ...more,
  });

async function click(personalizer: Package.Personalizer, n: number, times = 3): Promise<void> {
  for (let k = 0; k < times; k++) await personalizer.record({ kind: "click", item: ITEMS[n]! });
  while (await personalizer.train({ maxMs: 50 }));
}

/** A store of an application's own. */
const make = (kind: "file" | "indexeddb", values = new Map<string, Uint8Array>()): Package.Store => ({
  kind,
  lasting: true,
  get: async (key) => values.get(key),
  keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
  put: async (changes) => {
    for (const [key, value] of Object.entries(changes)) {
      if (value) values.set(key, value);
      else values.delete(key);
    }
  },
  clear: async () => values.clear(),
  alone: (_, work) => work(),
});

/** One over such a store, as a page would open it. */
async function over(storage: Package.Store): Promise<Package.Personalizer> {
  const { createPersonalizer, serve } = (await import(join(folder, "plain.js"))) as typeof Plain & {
    serve: Plain.Serve;
  };
  const [rank, release] = await Promise.all(
    ["rank", "release"].map((name) => readFile(join(folder, `node_modules/privet/dist/${name}_bg.wasm`))),
  );
  const wasm = { rank: rank!, release: release! };
  return createPersonalizer({ task: "feed", head, wasm, storage, worker: serve, schedule: "manual" });
}

const top = async (personalizer: Package.Personalizer) => (await personalizer.rerank(ITEMS)).items[0]?.id;
const code = (work: Promise<unknown>) => work.then(String, (error: { code?: string }) => error.code ?? String(error));

test("two folders with one task are two people: nothing of one is in the other's hands", async () => {
  const one = await open("one");
  await one.consent(AGREED);
  await click(one, 3);
  const two = await open("two");
  const { consent, events, storage } = await two.status();
  assert.deepEqual([consent, events, storage], [{ personalise: false, contribute: false }, 0, "file"]);
  assert.deepEqual((await two.profile()).recent, []);
  assert.equal(await two.record({ kind: "click", item: ITEMS[5]! }), false);
  assert.equal(await top(two), "item-0", "the server's order");
  await one.close();
  assert.equal((await two.status()).events, 0, "closing one closes no other");
  await two.consent(AGREED);
  await click(two, 5);
  await two.close();
  const again = await open("one");
  assert.deepEqual([(await again.status()).events, await top(again)], [3, "item-3"]);
  await again.close();
});

test("two stores of an application's own with one task are two people, whatever kind they say they are", async () => {
  for (const kind of ["file", "indexeddb"] as const) {
    const stores = [make(kind), make(kind)];
    const personalizers = await Promise.all(stores.map((storage) => over(storage)));
    const [one, two] = personalizers as [Package.Personalizer, Package.Personalizer];
    await one.consent(AGREED);
    await click(one, 3);
    assert.deepEqual((await two.status()).consent, { personalise: false, contribute: false }, kind);
    assert.deepEqual([(await one.status()).events, (await two.status()).events], [3, 0], kind);
    await one.close();
    assert.equal((await two.status()).events, 0, kind);
    await two.close();
  }
});

test("a store that is full keeps nobody from ranking", async () => {
  const values = new Map<string, Uint8Array>();
  const first = await over(make("file", values));
  await first.consent(AGREED);
  await click(first, 3);
  await first.close();
  const put = async () => Promise.reject(Object.assign(new Error("there is no room"), { code: "storage-full" }));
  const again = await over({ ...make("file", values), put });
  assert.equal((await again.rerank(ITEMS)).items.length, ITEMS.length);
  assert.equal((await again.status()).events, 3, "what it knew is there");
  assert.equal(await code(again.record({ kind: "click", item: ITEMS[4]! })), "storage-full");
});

test("who agrees while all is erased has agreed when that is over", async () => {
  const values = new Map<string, Uint8Array>();
  const one = await over(make("file", values));
  await one.consent(AGREED);
  await click(one, 3);
  const erased = one.erase();
  await Promise.all([erased, one.consent(AGREED)]);
  assert.deepEqual([(await one.status()).consent, (await one.status()).events], [AGREED, 0]);
  await click(one, 5);
  await one.close();
  const again = await over(make("file", values));
  assert.deepEqual([(await again.status()).consent, (await again.status()).events], [AGREED, 3]);
  await again.close();
});

test("a folder is one place, by whatever path; another head or task is never given the first", async () => {
  const one = await open("same");
  await one.consent(AGREED);
  await click(one, 3);
  await symlink(join(folder, "same"), join(folder, "link"));
  const linked = await open("link");
  assert.equal((await linked.status()).events, 3);
  await one.close();
  assert.equal(await code(one.status()), "closed");
  assert.equal((await linked.status()).events, 3, "who opened it has it until they close it");
  assert.equal(await code(open("same", { head: head.slice(1) })), "options-differ");
  const other = await open("same", { task: "other" });
  assert.deepEqual([(await other.status()).events, (await linked.status()).events], [0, 3]);
  await linked.close();
  assert.equal((await other.status()).events, 0, "the folder stays for who still has it");
  await other.close();
  const again = await open("same");
  assert.equal((await again.status()).events, 3);
  await again.close();
});

test("hundreds are open side by side, each with their own, and what one costs", async (t) => {
  const people = Array.from({ length: PEOPLE }, (_, n) => n);
  const opened: Package.Personalizer[] = [];
  const memory = () => (globalThis.gc?.(), process.memoryUsage().rss);
  const [before, start] = [memory(), performance.now()];
  for (let from = 0; from < PEOPLE; from += AT_A_TIME) {
    const names = people.slice(from, from + AT_A_TIME).map((n) => `person-${n}`);
    opened.push(...(await Promise.all(names.map((name) => open(name)))));
  }
  const ms = (performance.now() - start) / PEOPLE;
  const bytes = (memory() - before) / PEOPLE;
  t.diagnostic(`one of ${PEOPLE}: ${ms.toFixed(1)} ms to open, ${(bytes / 1024).toFixed(0)} KiB of memory`);
  const agreed = people.filter((n) => n % 2 === 0);
  for (const n of agreed) {
    await opened[n]!.consent(AGREED);
    // The first of the feed would be on top without it.
    await click(opened[n]!, 1 + (n % 15));
  }
  for (const [n, personalizer] of opened.entries()) {
    const { consent, events } = await personalizer.status();
    assert.deepEqual([consent.personalise, events], n % 2 ? [false, 0] : [true, 3], `person ${n}`);
    assert.equal(await top(personalizer), n % 2 ? "item-0" : `item-${1 + (n % 15)}`, `person ${n}`);
  }
  await Promise.all(opened.map((personalizer) => personalizer.close()));
  // Of a worker for each this would be a hundred times as much.
  assert.ok(bytes < 4 * 2 ** 20, `${bytes} bytes for each`);
});
