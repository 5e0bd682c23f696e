// The package's surface: consent, what it opens with, errors, and the same behaviour in a worker and in the page's thread.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Personalizer } from "../../web/ts/index.ts";
import { AT_ONCE, browse, call, type Global, ITEMS, open, order, stored } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();

const ids = ITEMS.map(({ id }) => id);
const events = async (there = on.page) => (await call<{ events: number }>(there, "status")).events;

for (const worker of [undefined, "here"]) {
  const where = worker ? "in the page's thread" : "in a worker";

  test(`nothing is recorded, learnt, stored or sent before consent, ${where}`, async () => {
    const puts: string[] = [];
    on.page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
    assert.equal(await open(on.page, { worker }, null), "open");
    assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[3] }), false);
    assert.equal(await call(on.page, "train", { maxMs: 50 }), false);
    assert.equal(await call(on.page, "contribute"), "consent-missing");
    assert.deepEqual(await order(on.page), ids);
    assert.deepEqual([await events(), puts.length], [0, 0]);
    assert.deepEqual(await stored(on.page), { keys: {}, ledger: {}, records: {} }, "not even that somebody was here");

    assert.deepEqual(await call(on.page, "consent", { personalise: true }), { personalise: true, contribute: false });
    await browse(on.page, [3, 3, 3]);
    assert.equal(await events(), 7);
    assert.equal((await order(on.page))[0], "item-3");
    assert.equal(await call(on.page, "contribute"), "consent-missing");
    assert.deepEqual((await stored(on.page))["ledger"], {}, "there is no account yet");

    await call(on.page, "consent", { contribute: true });
    assert.equal((await call<{ count: number }>(on.page, "contribute")).count, 1);
    assert.equal(puts.length, 1);
  });

  test(`each part of a consent can be taken back, and is remembered, ${where}`, async () => {
    await open(on.page, { worker });
    await browse(on.page, [3, 3, 3]);
    await call(on.page, "consent", { personalise: false });
    assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[2] }), false);
    assert.deepEqual(await order(on.page), ids);
    await call(on.page, "consent", { contribute: false });
    assert.equal(await call(on.page, "contribute"), "consent-missing");
    await on.page.reload();
    await open(on.page, { worker }, null);
    const { consent } = await call<{ consent: object }>(on.page, "status");
    assert.deepEqual(consent, { personalise: false, contribute: false });
    await call(on.page, "consent", { personalise: true });
    assert.equal((await order(on.page))[0], "item-3", "what was known is known again");
    assert.equal((await on.server.count()).count, 0);
  });

  test(`a reload remembers, whatever the tab was told, ${where}`, async () => {
    await open(on.page, { worker });
    await browse(on.page, [3, 3, 3]);
    const before = await order(on.page);
    await on.page.reload();
    await open(on.page, { worker }, null);
    const status = await call<{ events: number; profile: string; storage: string }>(on.page, "status");
    assert.deepEqual([status.events, status.profile, status.storage], [7, "restored", "indexeddb"]);
    while (await call<boolean>(on.page, "train", { maxMs: 20 }));
    assert.deepEqual(await order(on.page), before);
  });

  test(`signals, time limits and progress, ${where}`, async () => {
    await open(on.page, { worker });
    const codes = await on.page.evaluate(async () => {
      const { personalizer, items } = globalThis as unknown as Global;
      const code = (work: Promise<unknown>) => work.then(String, ({ code }) => code as string);
      const done = AbortSignal.abort();
      const stages: string[] = [];
      const late = new AbortController();
      const given = personalizer.rerank(items, { signal: late.signal });
      late.abort();
      const codes = [
        await code(personalizer.rerank(items, { signal: done })),
        await code(given),
        await code(personalizer.record({ kind: "click", item: items[0]! }, { signal: done })),
        await code(personalizer.contribute({ signal: done })),
        await code(personalizer.rerank(items, { signal: AbortSignal.abort(new DOMException("", "TimeoutError")) })),
      ];
      const { bytes } = await personalizer.contribute({
        onProgress: (progress) => "stage" in progress && stages.push(progress.stage),
      });
      const slate = await personalizer.rerank(items, { limit: 2, explain: true });
      return { codes, stages, bytes: bytes.length, slate: [slate.items.length, slate.scores.length] };
    });
    assert.deepEqual(codes.codes, ["aborted", "aborted", "aborted", "aborted", "timed-out"]);
    assert.deepEqual(codes.stages, ["reserved", "ready", "sent"]);
    assert.ok(codes.bytes > 1000);
    assert.deepEqual(codes.slate, [2, 2]);
    assert.equal(await events(), 0, "what was given up was not recorded");
  });
}

test("whoever trained by hand for a while, or gave it up, leaves the rest to the device", async () => {
  await open(on.page);
  await call(on.page, "train", { maxMs: 60_000 });
  await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    for (const item of [...items, ...items]) await personalizer.record({ kind: "click", item });
    const given = new AbortController();
    const training = personalizer.train({ maxMs: 60_000, signal: given.signal });
    given.abort();
    await training.catch(() => undefined);
  });
  await browse(on.page, [3, 3, 3]);
  const owed = async () => (await call<{ owed: number }>(on.page, "status")).owed;
  const start = Date.now();
  while ((await owed()) > 0 && Date.now() - start < 20_000) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await owed(), 0);
});

test("what is taken back in the middle of a contribution is not sent", async () => {
  const puts: string[] = [];
  on.page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  await open(on.page);
  await call(on.page, "close");
  const code = await on.page.evaluate(async (policy) => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const personalizer: Personalizer = await createPersonalizer({
      task: "demo",
      aggregators: { leader: { url: "/", key } },
      policy,
      backend: "scalar",
      schedule: "manual",
      allowEvictable: true,
    });
    Object.assign(globalThis, { personalizer });
    // Finished, and not sent yet: between the two lies at least a turn of the store.
    const taken = (progress: object) => {
      if ("stage" in progress && progress.stage === "ready") void personalizer.consent({ contribute: false });
    };
    const code = await personalizer.contribute({ onProgress: taken }).catch(({ code }) => code);
    return code;
  }, AT_ONCE);
  assert.equal(code, "consent-missing");
  assert.equal(puts.length, 0);
  const fates = (await call<{ fate: string }[]>(on.page, "audit.ledger")).map(({ fate }) => fate);
  assert.deepEqual(fates, ["ready"]);
  await on.page.reload();
  await open(on.page, {}, null);
  await on.page.waitForTimeout(300);
  assert.equal(puts.length, 0, "nor later");
  await call(on.page, "consent", { contribute: true });
  for (let n = 0; n < 100 && puts.length === 0; n++) await on.page.waitForTimeout(50);
  assert.equal(puts.length, 1, "but when it is agreed to again");
});

test("what was contributed is not new after a reload", async () => {
  await open(on.page);
  await browse(on.page, [3, 3, 3]);
  assert.ok((await call<{ examples: number }>(on.page, "contribute")).examples > 0);
  await on.page.reload();
  await open(on.page, {}, null);
  assert.equal((await call<{ examples: number }>(on.page, "audit.preview")).examples, 0);
});

test("paused, nothing is recorded, learnt or contributed, and the order stays", async () => {
  await open(on.page);
  await browse(on.page, [3, 3, 3]);
  await call(on.page, "pause");
  assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[2] }), false);
  assert.equal(await call(on.page, "contribute"), "paused");
  assert.equal((await order(on.page))[0], "item-3");
  await on.page.reload();
  await open(on.page, {}, null);
  assert.equal((await call<{ paused: boolean }>(on.page, "status")).paused, true);
  await call(on.page, "resume");
  assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[2] }), true);
});

test("what a page could not load for its worker, the worker loads itself", async () => {
  const asked: string[] = [];
  await on.context.route(/rank_bg.wasm|\/round$/, (route) => {
    const url = new URL(route.request().url()).pathname;
    asked.push(url);
    return asked.indexOf(url) === asked.length - 1 ? route.abort() : route.continue();
  });
  assert.equal(await open(on.page), "open");
  await browse(on.page, [3, 3, 3]);
  assert.equal((await order(on.page))[0], "item-3");
  assert.deepEqual(asked.sort(), ["/rank_bg.wasm", "/rank_bg.wasm", "/v1/tasks/demo/round", "/v1/tasks/demo/round"]);
});

test("without aggregators it re-ranks by a head of one's own, from an address, a response or bytes", async () => {
  const seen = await on.page.evaluate(async (items) => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const round = new Uint8Array(await (await fetch("/v1/tasks/demo/round")).arrayBuffer());
    const { leader: key } = await (await fetch("/v1/identity")).json();
    // The head's address holds its hash, which the round's fields give.
    const help = await createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } } });
    const { head } = await help.audit.inspect("round");
    await help.close();
    const address = `/v1/heads/${Array.from(head as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    const kept = "/worker.js";
    const { MemoryStore, serve } = await import(kept);
    const module = WebAssembly.compile(await (await fetch("/rank_bg.wasm")).arrayBuffer());
    const tops: (string | undefined)[] = [];
    // Not one slate in ten of both orders.
    const plain = { storage: "memory", backend: "scalar", policy: { interleaveEvery: 0 } } as const;
    for (const source of [
      { head: address },
      { head: new URL(address, location.href), wasm: "/rank_bg.wasm" },
      { head: await fetch(address), wasm: await fetch("/rank_bg.wasm") },
      { head: bytes, wasm: await module },
      { head: bytes.buffer, wasm: await (await fetch("/rank_bg.wasm")).arrayBuffer(), worker: serve },
      { head: bytes, storage: new MemoryStore(), worker: serve },
    ]) {
      const personalizer = await createPersonalizer({ ...plain, ...source });
      await personalizer.consent({ personalise: true, contribute: true });
      for (const item of items) await personalizer.record({ kind: "impression", item });
      for (const n of [3, 3, 3]) await personalizer.record({ kind: "click", item: items[n]! });
      tops.push((await personalizer.rerank(items)).items[0]?.id);
      tops.push(await personalizer.contribute().catch(({ code }: { code: string }) => code));
      await personalizer.close();
    }
    const none = await createPersonalizer({ head: round }).catch(({ code }: { code: string }) => code);
    return { tops, none };
  }, ITEMS);
  assert.deepEqual(seen.tops, Array.from({ length: 6 }, () => ["item-3", "not-taking-part"]).flat());
  assert.equal(seen.none, "wire-malformed");
});

test("it runs under a policy that allows scripts of one's own and Wasm, and nothing isolates the page", async () => {
  const policy =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src data:; connect-src 'self'";
  const complaints: string[] = [];
  const files = createServer(async (request, response) => {
    const name = new URL(request.url ?? "/", "http://x").pathname.replace(/^\/$/, "/index.html");
    if (name.startsWith("/v1/")) {
      const reply = await fetch(on.server.address + name);
      response.writeHead(reply.status).end(Buffer.from(await reply.arrayBuffer()));
      return;
    }
    const type = { html: "text/html", js: "text/javascript", wasm: "application/wasm" }[name.split(".").pop() ?? ""];
    response.writeHead(200, { "content-type": type ?? "", "content-security-policy": policy });
    response.end(await readFile(join(on.site.folder, name)).catch(() => ""));
  }).listen(0, "127.0.0.1");
  await once(files, "listening");
  try {
    on.page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await on.page.goto(`http://127.0.0.1:${(files.address() as AddressInfo).port}/`);
    for (const worker of [undefined, "here"]) {
      assert.equal(await open(on.page, { worker }), "open");
      await browse(on.page, [3, 3, 3]);
      assert.equal((await order(on.page))[0], "item-3");
      assert.equal(await on.page.evaluate(() => crossOriginIsolated), false);
      await call(on.page, "close");
    }
    assert.deepEqual(complaints, []);
  } finally {
    files.close();
  }
});

test("a slate is shown once, when half of it was visible for a second; a click without a slate counts", async () => {
  await open(on.page);
  const seen = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    const count = async () => (await personalizer.status()).events;
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const element = document.querySelector<HTMLElement>("#slate")!;
    element.style.cssText = "height: 300px; margin-top: 3000px";
    const slate = await personalizer.rerank(items);
    const shown = slate.shown(element);
    await wait(1300);
    const below = await count();
    element.scrollIntoView();
    await wait(400);
    const soon = await count();
    await shown;
    const first = await count();
    await slate.shown();
    const again = await count();
    await personalizer.record({ kind: "click", item: items[0]! });
    const clicked = await count();
    const now = await personalizer.rerank(items);
    await Promise.all([now.shown(), now.shown()]);
    return [below, soon, first, again, clicked, await count()];
  });
  assert.deepEqual(seen, [0, 0, 1, 1, 2, 3]);
});

test("a large head's arrays cross to the worker without a copy", async () => {
  await open(on.page);
  const after = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    let left = -1;
    const plain = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (this: Worker, message: unknown, transfer: never) {
      plain.call(this, message, transfer);
      const { down } = message as { down?: { call: string; args: { numbers?: Float32Array }[] } };
      if (down?.call === "rerank") left = down.args[0]?.numbers?.length ?? -1;
    };
    await personalizer.rerank(items);
    return left;
  });
  assert.equal(after, 0, "the array is the worker's now");
});

test("in a worker and in the page's thread the same calls give the same decisions, bit for bit", async () => {
  // What is drawn, and the time, is what would differ.
  const fixed = "{ let n = 0; Math.random = () => ((n += 1) * 0.618034) % 1; }";
  const script = await readFile(join(on.site.folder, "worker.js"), "utf8");
  await on.page.route("**/worker.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: `${fixed}\n${script}` }),
  );
  const decide = async (where: object) => {
    await on.page.goto(on.server.address);
    await on.page.evaluate("Date.now = () => 1.8e12");
    await open(on.page, { ...where, storage: "memory", policy: { ...AT_ONCE, interleaveEvery: 3 } });
    return on.page.evaluate(async () => {
      const { personalizer, items } = globalThis as unknown as Global;
      const decisions: unknown[] = [];
      for (let n = 0; n < 24; n++) {
        const rules = n % 2 ? { pins: { "item-1": 0 } } : {};
        const slate = await personalizer.rerank(items, { diversity: (n % 3) / 4, rules, explain: true });
        const { id, kind, scores, unmet } = slate;
        decisions.push({ id, kind, scores, unmet, order: slate.items.map((item) => item.id) });
        await slate.shown();
        await personalizer.record({ kind: "click", item: items[(n * 7) % 4]!, slate: id });
        while (await personalizer.train({ maxMs: 50 }));
      }
      const { order, events, owed } = await personalizer.status();
      const memory = Array.from(await personalizer.export());
      await personalizer.close();
      return { decisions, status: { order, events, owed }, memory };
    });
  };
  const [inWorker, inThread] = [await decide({}), await decide({ worker: "here" })];
  assert.deepEqual(inThread, inWorker);
  const kinds = new Set((inWorker.decisions as { kind: string }[]).map(({ kind }) => kind));
  assert.ok(kinds.size > 1, "both orders were shown");
});
