// What lasts on a device: migrated, sealed, refused where it is damaged, gone where it is erased.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type * as Auditor from "../../web/ts/auditor.ts";
import { browse, call, DIST, type Global, ITEMS, loaded, meddle, open, order, stored } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();

interface Status {
  events: number;
  profile: string;
  storage: string;
  rhoSpent: number;
  refused?: string;
}

const status = () => call<Status>(on.page, "status");

/** What is sent, and nothing else: a look at the round comes before each contribution. */
const UPLOADS = "**/uploads/*";

/** The worker's script with something before it. */
async function beforeWorker(source: string): Promise<void> {
  const worker = await readFile(join(DIST, "worker.js"), "utf8");
  await on.page.route("**/worker.js", (route) =>
    route.fulfill({ contentType: "text/javascript", body: `${source}\n${worker}` }),
  );
}

test("a database of version 1 is migrated, and the ledger keeps every byte", async () => {
  await open(on.page);
  await call(on.page, "contribute");
  await call(on.page, "close");
  const ledger = (await stored(on.page))["ledger"]?.["account"] as number[];
  await on.page.evaluate(async (ledger) => {
    const gone = indexedDB.deleteDatabase("privet");
    await new Promise((resolve) => gone.addEventListener("success", resolve));
    const first = indexedDB.open("privet", 1);
    first.addEventListener("upgradeneeded", () => first.result.createObjectStore("ledger"));
    await new Promise((resolve) => first.addEventListener("success", resolve));
    const transaction = first.result.transaction("ledger", "readwrite");
    transaction.objectStore("ledger").put(new Uint8Array(ledger), "account");
    await new Promise((resolve) => transaction.addEventListener("complete", resolve));
    first.result.close();
  }, ledger);
  assert.equal(await open(on.page, {}, null), "open");
  assert.deepEqual((await stored(on.page))["ledger"]?.["account"], ledger);
  assert.equal((await status()).rhoSpent, 0.03125);
  await call(on.page, "consent", { personalise: true, contribute: true });
  assert.equal(await call(on.page, "contribute"), "round-contributed", "it knows what was sent before");
  assert.equal((await status()).rhoSpent, 0.03125);
});

test("all but the ledger is sealed, by a key that no script can read", async () => {
  await open(on.page);
  const mark = "a-mark-that-was-planted";
  await on.page.evaluate(async (mark) => {
    const { personalizer, items } = globalThis as unknown as Global;
    for (let n = 0; n < 3; n++) await personalizer.record({ kind: "click", item: { ...items[0]!, id: mark } });
  }, mark);
  await call(on.page, "contribute");
  const all = await stored(on.page);
  assert.equal(all["keys"]?.["records"], "extractable: false");
  assert.deepEqual(Object.keys(all["keys"] ?? {}), ["name", "records"], "the key, and a name for it that says nothing");
  assert.ok(Object.keys(all["records"] ?? {}).length >= 5);
  const bytes = Object.values(all["records"] ?? {}).map((row) => Buffer.from(row as number[]));
  const numbers = Buffer.from(Float32Array.from(ITEMS[0]!.embedding).buffer);
  for (const row of bytes) assert.ok(!row.includes(mark) && !row.includes(numbers));
  assert.ok(!Buffer.from(all["ledger"]?.["account"] as number[]).includes(mark));
});

test("an erasure leaves the ledger's totals and nothing else, and says why", async () => {
  await open(on.page);
  await browse(on.page, [3, 3, 3]);
  // A finished upload that nobody took: it is given up, and never sent.
  await on.page.route(UPLOADS, (route) => route.abort());
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  const unsent = await call<{ bytes: number[] }[]>(on.page, "audit.log");
  const erased = await call<{ kept: { fate: string }[]; rhoSpent: number; because: string }>(on.page, "erase");
  assert.deepEqual([erased.kept.map(({ fate }) => fate), erased.rhoSpent], [["refused"], 0.03125]);
  assert.match(erased.because, /^The ledger is kept: what was contributed cannot be called back/);
  const all = await stored(on.page);
  assert.deepEqual([all["records"], all["keys"]], [{}, {}]);
  assert.deepEqual(Object.keys(all["ledger"] ?? {}), ["account"]);
  const ledger = Buffer.from(all["ledger"]?.["account"] as number[]);
  for (const { bytes } of unsent) assert.ok(!ledger.includes(Buffer.from(bytes.slice(200, 264))));
  for (const { id } of ITEMS) assert.ok(!ledger.includes(id));
  const others = await on.page.evaluate(async () => [
    localStorage.length,
    sessionStorage.length,
    (await caches.keys()).length,
    (await indexedDB.databases()).length,
  ]);
  assert.deepEqual(others, [0, 0, 0, 1]);

  await on.page.unroute(UPLOADS);
  assert.deepEqual(
    await order(on.page),
    ITEMS.map(({ id }) => id),
  );
  assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[3] }), false, "consent is gone, too");
  await on.page.reload();
  await open(on.page);
  const { events, rhoSpent, profile } = await status();
  assert.deepEqual([events, rhoSpent, profile], [0, 0.03125, "new"]);
  assert.equal((await on.server.count()).count, 0);
});

test("an erasure is one also where the ledger's half cannot be loaded; what was finished is given up as soon as it can", async () => {
  await open(on.page);
  await browse(on.page, [3, 3, 3]);
  await loaded(on.page);
  await on.page.route(UPLOADS, (route) => route.abort());
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  await on.page.unroute(UPLOADS);
  await call(on.page, "close");
  await on.context.route("**/release.js", (route) => route.abort());
  await on.page.reload();
  await open(on.page, {}, null);
  assert.equal(await call(on.page, "erase"), "server-unreachable");
  assert.deepEqual(
    Object.keys((await stored(on.page))["records"] ?? {}),
    ["demo/settings"],
    "who agreed to what, which is nothing",
  );
  await on.context.unroute("**/release.js");
  await on.page.reload();
  await open(on.page);
  assert.equal((await status()).events, 0);
  const fates = async () => (await call<{ fate: string }[]>(on.page, "audit.ledger")).map(({ fate }) => fate);
  assert.deepEqual(await fates(), ["refused"], "it is never sent");
  assert.equal(await call(on.page, "contribute"), "round-contributed");
  assert.deepEqual([(await on.server.count()).count, await fates()], [0, ["refused"]]);
  assert.deepEqual((await call<{ kept: unknown[] }>(on.page, "erase")).kept.length, 1);
});

test("where the ledger is damaged it ranks, says so, sends nothing, and erases the rest", async () => {
  const puts: string[] = [];
  on.page.on("request", (request) => request.method() === "PUT" && puts.push(request.url()));
  await open(on.page);
  await browse(on.page, [3, 3, 3]);
  await call(on.page, "close");
  await meddle(on.page, "ledger", "account", [1, 2, 3]);
  await on.page.reload();
  assert.equal(await open(on.page), "open");
  assert.equal((await order(on.page))[0], "item-3");
  const { events, rhoSpent, refused } = await status();
  assert.deepEqual([events, rhoSpent, refused], [7, Number.NaN, "ledger-damaged"]);
  assert.equal(await call(on.page, "contribute"), "ledger-damaged");
  assert.equal(await call(on.page, "audit.ledger"), "ledger-damaged");
  assert.equal(await call(on.page, "erase"), "ledger-damaged");
  const all = await stored(on.page);
  assert.deepEqual(Object.keys(all["records"] ?? {}), ["demo/settings"]);
  assert.deepEqual(all["ledger"], { account: [1, 2, 3] }, "what nobody can read is nobody's to replace");
  await on.page.reload();
  await open(on.page);
  assert.deepEqual([(await status()).events, await call(on.page, "contribute"), puts], [0, "ledger-damaged", []]);
});

for (const [what, harm] of [
  ["a snapshot that was changed", () => meddle(on.page, "records", "demo/profile", [1, 2, 3])],
  ["a lost key", () => meddle(on.page, "keys", "records")],
] as const) {
  test(`a profile is refused and left as it is, and the ledger goes on: ${what}`, async () => {
    await open(on.page);
    await browse(on.page, [3, 3, 3]);
    await call(on.page, "contribute");
    await call(on.page, "close");
    const before = (await stored(on.page))["records"];
    await harm();
    await on.page.reload();
    assert.equal(await open(on.page), "open");
    const { events, profile, rhoSpent } = await status();
    assert.deepEqual([events, profile, rhoSpent], [0, "state-damaged", 0.03125]);
    await browse(on.page, [2]);
    await call(on.page, "close");
    const after = (await stored(on.page))["records"];
    if (what === "a lost key") assert.deepEqual(after?.["demo/profile"], before?.["demo/profile"]);
    else assert.deepEqual(after?.["demo/profile"], [1, 2, 3]);
    await open(on.page);
    await call(on.page, "erase");
    await call(on.page, "consent", { personalise: true });
    await browse(on.page, [3]);
    await on.page.reload();
    await open(on.page);
    assert.deepEqual([(await status()).events, (await status()).profile], [5, "restored"]);
  });
}

test("where the browser refuses storage it works in memory, says so, and contributes nothing", async () => {
  await beforeWorker("indexedDB.open = () => { throw new DOMException('refused', 'SecurityError'); };");
  assert.equal(await open(on.page), "open");
  await browse(on.page, [3, 3, 3]);
  assert.equal((await order(on.page))[0], "item-3");
  const { storage, events } = await status();
  assert.deepEqual([storage, events], ["memory", 7]);
  assert.equal(await call(on.page, "contribute"), "storage-unavailable");
  const erased = await call<{ rhoSpent: number }>(on.page, "erase");
  assert.equal(erased.rhoSpent, 0);
  assert.equal((await on.server.count()).count, 0);
});

test("no more room is an error of its own; nothing is released on it, and nothing is lost when there is room again", async () => {
  await beforeWorker(`
    const put = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function (value, key) {
      const request = put.call(this, value, key);
      if (self.full) { this.transaction.abort(); }
      return request;
    };
    const error = Object.getOwnPropertyDescriptor(IDBTransaction.prototype, "error").get;
    Object.defineProperty(IDBTransaction.prototype, "error", {
      get() { return self.full ? new DOMException("no room", "QuotaExceededError") : error.call(this); },
    });
    new BroadcastChannel("test").onmessage = ({ data }) => (self.full = data);
  `);
  await open(on.page);
  const full = (is: boolean) => on.page.evaluate((is) => new BroadcastChannel("test").postMessage(is), is);
  await browse(on.page, [3]);
  await full(true);
  assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[3] }), "storage-full");
  assert.equal(await call(on.page, "contribute"), "storage-full");
  assert.equal((await status()).rhoSpent, 0);
  assert.equal((await on.server.count()).count, 0);
  await full(false);
  assert.equal(await call(on.page, "record", { kind: "click", item: ITEMS[3] }), true);
  await on.page.reload();
  await open(on.page);
  assert.equal((await status()).events, 7, "the one that did not fit went with the next");
  assert.equal((await call<{ count: number }>(on.page, "contribute")).count, 1);
});

/** An export, read as an auditor does: it agrees with itself, and whatever is changed in it is found. */
async function audited(text: string, first: Buffer): Promise<void> {
  const entry = join(DIST, "audit.js");
  const { checkExport, readExport } = (await import(entry)) as typeof Auditor;
  const wasm = await WebAssembly.compile(await readFile(join(DIST, "release_bg.wasm")));
  const whole = readExport(text);
  assert.deepEqual(Buffer.from(whole.log[0]?.bytes as Uint8Array), first);
  assert.match(whole.statement, /^What leaves/);
  assert.deepEqual(await checkExport(whole, { wasm }), []);

  const found = async (change: (exported: Auditor.Exported) => void) => {
    const changed = readExport(text);
    change(changed);
    return (await checkExport(changed, { wasm })).map(({ what }) => what);
  };
  const sending = whole.log[0] as Auditor.Sending;
  assert.deepEqual(await found(({ ledger }) => void ledger.pop()), ["spent", "unaccounted", "unaccounted"]);
  assert.deepEqual(await found(({ status }) => void (status.rhoSpent -= 0.03125)), ["spent"]);
  assert.deepEqual(await found(({ log }) => void log.push({ ...sending, id: "00".repeat(16) })), [
    "unaccounted",
    "bytes",
  ]);
  assert.deepEqual(await found(({ log }) => void (log[0] = { ...sending, bytes: sending.bytes.slice(1) })), ["bytes"]);
}

test("the log has every byte that left and what was answered, outlives a reload, and is bounded", async () => {
  const bodies: Buffer[] = [];
  on.page.on("request", (request) => {
    if (request.method() === "PUT") bodies.push(request.postDataBuffer() as Buffer);
  });
  await open(on.page);
  await on.page.route(UPLOADS, (route) => route.abort());
  assert.equal(await call(on.page, "contribute"), "server-unreachable");
  await on.page.unroute(UPLOADS);
  await call(on.page, "contribute");
  await on.page.reload();
  await open(on.page, {}, null);
  interface Sending {
    bytes: number[];
    url: string;
    time: number;
    answer: { status: number; code?: string; count?: number };
  }
  const log = await call<Sending[]>(on.page, "audit.log");
  assert.deepEqual(
    log.map(({ bytes }) => Buffer.from(bytes).toString("hex")),
    bodies.map((body) => body.toString("hex")),
  );
  assert.deepEqual(bodies[0], bodies[1], "the same bytes again");
  assert.deepEqual(
    log.map(({ answer }) => [answer.status, answer.code ?? answer.count]),
    [
      [0, "server-unreachable"],
      [200, 1],
    ],
  );
  assert.ok(log.every(({ url, time }) => url.startsWith(on.server.address) && Math.abs(Date.now() - time) < 60_000));
  const ledger = await call<{ fate: string; rho: number }[]>(on.page, "audit.ledger");
  assert.deepEqual(
    ledger.map(({ fate, rho }) => [fate, rho]),
    [["sent", 0.03125]],
  );
  await audited(await call<string>(on.page, "audit.export"), bodies[0] as Buffer);
});

test("the log is bounded, however often the same is sent", async () => {
  await open(on.page);
  await on.page.route(UPLOADS, (route) => route.abort());
  for (let n = 0; n < 65; n++) assert.equal(await call(on.page, "contribute"), "server-unreachable");
  assert.equal((await call<unknown[]>(on.page, "audit.log")).length, 64);
});

test("a journal grows line by line and becomes a snapshot, and either is the same profile", async () => {
  await open(on.page);
  const seen = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    for (let n = 0; n < 140; n++) await personalizer.record({ kind: "click", item: items[n % 4]!, time: 1e12 + n });
    while (await personalizer.train({ maxMs: 50 }));
    return Array.from(await personalizer.export());
  });
  const keys = Object.keys((await stored(on.page))["records"] ?? {});
  assert.equal(keys.filter((key) => key.startsWith("demo/event/")).length, 11);
  assert.ok(keys.includes("demo/profile"));
  await on.page.reload();
  await open(on.page, {}, null);
  while (await call<boolean>(on.page, "train", { maxMs: 50 }));
  assert.deepEqual(await call<number[]>(on.page, "export"), seen, "bit for bit");
  const dropped = await call<number>(on.page, "forget", { item: "item-3" });
  assert.equal(dropped, 35);
  const left = Object.keys((await stored(on.page))["records"] ?? {}).filter((key) => key.startsWith("demo/event/"));
  assert.deepEqual(left, [], "no line names it any more");
});
