// The package against a real leader and helper, and against what a network, a server or an attacker may answer instead.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Personalizer, Receipt, Status } from "../../web/ts/index.ts";
import { noGpu } from "../harness.ts";
import { AT_ONCE, browse, call, type Global, loaded, open, prepare } from "./site.ts";
import { stage } from "./stage.ts";

const COHORT = 3;
const POLICY = { ...AT_ONCE, minCohort: COHORT };

const on = stage({ mode: "split", flags: ["--min-cohort", String(COHORT)], browser: { gpu: !noGpu } });

const status = () => call<Status>(on.page, "status");
const count = async (round = 1) => {
  const reply = await fetch(`${on.server.address}/v1/tasks/demo/rounds/${round}/aggregate`);
  return ((await reply.json()) as { count: number }).count;
};

/** Calls until it gives this. */
async function until<T>(work: () => Promise<T>, wanted: T): Promise<void> {
  for (let n = 0; n < 150; n++) {
    if ((await work()) === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`it never became ${String(wanted)}`);
}

/** The order of many items that the server likes equally well. */
const shared = () =>
  on.page.evaluate(async () => {
    const { personalizer } = globalThis as unknown as Global;
    const wave = (n: number) => Array.from({ length: 16 }, (_, i) => Math.sin(n * 1.7 + i * (1 + n / 7)));
    const items = Array.from({ length: 40 }, (_, n) => ({ id: `wave-${n}`, score: 0, embedding: wave(n) }));
    while (await personalizer.train({ maxMs: 50 }));
    const { items: slate, scores } = await personalizer.rerank(items, { explain: true });
    const of = new Map(slate.map(({ id }, place) => [id, scores[place]?.shared ?? 0]));
    return { order: slate.map(({ id }) => id), shared: items.map(({ id }) => of.get(id) ?? 0) };
  });

for (const backend of noGpu ? ["simd"] : ["simd", "webgpu"]) {
  test(`record, train, contribute; the round closes; a new head arrives, is verified, and changes the order: ${backend}`, async () => {
    for (let n = 0; n < COHORT; n++) {
      if (n > 0) {
        // Another device, which is gone afterwards.
        const other = await on.browser.newContext();
        await prepare(other);
        const device = await other.newPage();
        await device.goto(on.server.address);
        assert.equal(await open(device, { policy: POLICY, backend }), "open");
        await browse(device, [n, n, n]);
        assert.equal((await call<{ count: number }>(device, "contribute")).count, n);
        await other.close();
      }
      if (n === COHORT - 1) {
        assert.equal(await open(on.page, { policy: POLICY, backend }), "open");
        await browse(on.page, [3, 3, 1, 3, 1]);
      }
    }
    const before = await shared();
    assert.equal(await call(on.page, "refresh"), false, "the round is still open");
    const statement = await call<string>(on.page, "audit.statement");
    assert.match(statement, /two|both/i);
    const receipt = await call<Receipt>(on.page, "contribute");
    assert.deepEqual([receipt.count, receipt.round, receipt.backend], [COHORT, 1, backend]);
    assert.ok(receipt.examples > 0);
    await until(() => call<boolean>(on.page, "refresh"), true);
    const after = await shared();
    const now = await status();
    assert.deepEqual([now.round, now.events, now.owed], [2, 9, 0], "the profile stays");
    assert.deepEqual([now.backend, now.shaders], backend === "webgpu" ? ["webgpu", "in-use"] : ["simd", undefined]);
    assert.notDeepEqual(after.shared, before.shared);
    assert.notDeepEqual(after.order, before.order);
    await on.page.reload();
    await open(on.page, { policy: POLICY, backend }, null);
    assert.deepEqual((await shared()).order, after.order);
    assert.equal((await call<{ count: number; round: number }>(on.page, "contribute")).round, 2);
  });
}

test("a page of another origin contributes", async () => {
  const types: Record<string, string> = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
  const files = createServer(async (request, response) => {
    const name = request.url === "/" ? "index.html" : (request.url ?? "/").slice(1);
    response.writeHead(200, { "content-type": types[name.split(".").pop() ?? ""] ?? "" });
    response.end(await readFile(join(on.site.folder, name)).catch(() => ""));
  }).listen(0, "127.0.0.1");
  await once(files, "listening");
  try {
    const { leader, helper } = await (await fetch(`${on.server.address}/v1/identity`)).json();
    const aggregators = { leader: { url: on.server.address, key: leader }, helper: { key: helper } };
    await on.page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`);
    const opened = await on.page.evaluate(
      async ({ aggregators, policy }) => {
        const entry = "/index.js";
        const { createPersonalizer } = await import(entry);
        const options = {
          task: "demo",
          aggregators,
          policy,
          backend: "scalar",
          schedule: "manual",
          allowEvictable: true,
        };
        const personalizer: Personalizer = await createPersonalizer(options);
        await personalizer.consent({ personalise: true, contribute: true });
        return (await personalizer.contribute()).count;
      },
      { aggregators, policy: POLICY },
    );
    assert.equal(opened, 1);
  } finally {
    files.close();
  }
});

/** Other devices contribute until the first round closes, and the next one is open. */
async function closeFirst(): Promise<void> {
  const others = Array.from({ length: COHORT }, async () => {
    const other = await on.browser.newContext();
    await prepare(other);
    const device = await other.newPage();
    await device.goto(on.server.address);
    await open(device, { policy: POLICY });
    await call(device, "contribute");
    await other.close();
  });
  await Promise.all(others);
  await until(async () => {
    const reply = await fetch(`${on.server.address}/v1/tasks/demo/round`);
    return reply.ok && (await count(2).catch(() => -1)) === 0;
  }, true);
}

test("a round that closed meanwhile is found out before anything is debited for it, and the next one is taken", async () => {
  await open(on.page, { policy: POLICY });
  await browse(on.page, [3, 3]);
  await closeFirst();
  assert.equal((await status()).round, 1, "the device still holds the first round's configuration");
  assert.equal((await call<{ round: number }>(on.page, "contribute")).round, 2);
  assert.equal((await status()).rhoSpent, 0.03125);
});

test("a round that closes between the look and the upload: what was spent is spent, nothing is sent twice", async () => {
  await open(on.page, { policy: POLICY });
  await browse(on.page, [3, 3]);
  const first = Buffer.from(await (await fetch(`${on.server.address}/v1/tasks/demo/round`)).arrayBuffer());
  await closeFirst();
  await on.page.route("**/v1/tasks/demo/round", (route) => route.fulfill({ body: first }), { times: 1 });
  assert.equal(await call(on.page, "contribute"), "round-closed");
  assert.deepEqual([(await status()).round, (await status()).rhoSpent], [2, 0.03125]);
  assert.equal((await call<{ round: number; count: number }>(on.page, "contribute")).round, 2);
  const fates = (await call<{ fate: string }[]>(on.page, "audit.ledger")).map(({ fate }) => fate);
  assert.deepEqual(fates, ["refused", "sent"]);
});

test("offline: it ranks, debits nothing for a round that it cannot look at, and sends what is finished once", async () => {
  const bodies: string[] = [];
  on.page.on("request", (request) => {
    if (request.method() === "PUT") bodies.push(request.postDataBuffer()?.toString("hex") ?? "");
  });
  await open(on.page, { policy: POLICY });
  await loaded(on.page);
  await on.context.setOffline(true);
  await on.server.down();
  await browse(on.page, [3, 3, 3]);
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  assert.deepEqual([(await status()).rhoSpent, bodies], [0, []]);
  await on.server.up();
  await on.context.setOffline(false);
  // The connection is lost when all is made.
  await on.page.route("**/uploads/*", (route) => route.abort());
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  assert.equal((await status()).rhoSpent, 0.03125);
  await on.page.unroute("**/uploads/*");
  assert.equal((await call<{ count: number }>(on.page, "contribute")).count, 1);
  assert.equal((await status()).rhoSpent, 0.03125);
  assert.deepEqual([bodies.length, new Set(bodies).size], [3, 1]);
  assert.equal(await count(), 1);
});

test("a server that is away when the page opens: the round and head of before stand in", async () => {
  await open(on.page, { policy: POLICY });
  await browse(on.page, [3, 3, 3]);
  await on.page.route("**/v1/tasks/**", (route) => route.abort());
  await call(on.page, "close");
  assert.equal(await open(on.page, { policy: POLICY }), "open");
  const { events, round, refused } = await status();
  assert.deepEqual([events, round, refused], [7, 1, "server-unreachable"]);
  const fresh = await on.browser.newContext();
  await prepare(fresh);
  const other = await fresh.newPage();
  await other.route("**/v1/tasks/**", (route) => route.abort());
  await other.goto(on.server.address);
  assert.equal(await open(other, { policy: POLICY }), "server-unreachable", "a new device has nothing to stand in");
  await fresh.close();
});

test("a signature that is wrong, a swapped helper, a hostile task: each is refused with its own code", async () => {
  const key = "7".repeat(64);
  const { leader, helper } = (await (await fetch(`${on.server.address}/v1/identity`)).json()) as Record<string, string>;
  const aggregators = (more: object) => ({ aggregators: { leader: { url: "/", key: leader }, ...more } });
  for (const [code, options] of [
    ["signature-wrong", { policy: POLICY, ...aggregators({ helper: { key } }) }],
    ["signature-wrong", { policy: POLICY, aggregators: { leader: { url: "/", key }, helper: { key: helper } } }],
    ["key-not-pinned", { policy: POLICY, ...aggregators({}) }],
    ["policy-refused", { policy: { ...AT_ONCE } }],
    ["policy-refused", { policy: { ...POLICY, rhoAlone: 0.001 } }],
    ["task-unknown", { policy: POLICY, task: "other" }],
    ["open", { policy: POLICY }],
  ] as const) {
    assert.equal(await open(on.page, options), code, JSON.stringify(options));
  }
  await browse(on.page, [3, 3, 3]);
  const puts: string[] = [];
  on.page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  const spoil = (bytes: Buffer) => {
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    return bytes;
  };
  await on.page.route("**/v1/tasks/demo/round", async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, body: spoil(await reply.body()) });
  });
  assert.equal(await call(on.page, "refresh"), "signature-wrong");
  const { round, events, kernels } = await status();
  assert.equal(kernels, "simd128");
  assert.deepEqual([round, events], [1, 7], "it goes on with what was verified");
  await on.page.unroute("**/v1/tasks/demo/round");
  assert.equal(puts.length, 0);

  const fresh = await on.browser.newContext();
  await prepare(fresh);
  const other = await fresh.newPage();
  await other.route("**/v1/heads/*", async (route) => {
    const reply = await route.fetch();
    await route.fulfill({ response: reply, body: spoil(await reply.body()) });
  });
  await other.goto(on.server.address);
  assert.equal(await open(other, { policy: POLICY }), "head-stale", "other bytes than the round names");
  await fresh.close();
});

test("unasked it contributes by the clock, whatever the user does", async () => {
  const policy = { ...POLICY, intervalMs: 3_600_000 };
  const seen: number[][] = [];
  for (const clicks of [[], [3, 3, 3, 2, 1, 3]]) {
    const device = await on.browser.newContext();
    await prepare(device);
    const there = await device.newPage();
    const puts: number[] = [];
    there.on("request", (request) => request.method() === "PUT" && puts.push(request.postDataBuffer()?.length ?? 0));
    await there.goto(on.server.address);
    await open(there, { policy, schedule: "auto" });
    await browse(there, clicks);
    await until(() => count(), seen.length + 1);
    await browse(there, clicks);
    await there.reload();
    await open(there, { policy, schedule: "auto" }, null);
    await there.waitForTimeout(500);
    assert.equal(await call(there, "contribute"), "round-contributed", "by hand the ledger holds as well");
    seen.push(puts);
    await device.close();
  }
  assert.deepEqual(seen[0], seen[1]);
});
