// The package's promises that only a page can show: a dry run leaves no trace, and without randomness nothing leaves.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Personalizer, Preview } from "../../web/ts/index.ts";
import { call, open } from "./site.ts";
import { stage } from "./stage.ts";

const DIST = new URL("../../web/ts/dist/", import.meta.url).pathname;
const ITEMS = [0, 1, 2, 3].map((n) => ({
  id: String(n),
  embedding: Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0.125)),
}));

const on = stage({ path: null });

/** Opens a personalizer in the page, as `personalizer`, that has seen something. */
async function start(): Promise<void> {
  await on.page.goto(on.server.address);
  await on.page.evaluate(async (items) => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const policy = { waitMs: 0, sessions: 0, intervalMs: 0, rhoAlone: "none", interleaveEvery: 0 };
    const options = {
      task: "demo",
      aggregators: { leader: { url: "/", key } },
      policy,
      backend: "scalar",
      schedule: "manual",
      allowEvictable: true,
    };
    const personalizer: Personalizer = await createPersonalizer(options);
    await personalizer.consent({ personalise: true, contribute: true });
    for (const item of items) await personalizer.record({ kind: "impression", item });
    // Only the second choice of one item tells it from the rest: their embeddings are all alike.
    for (const n of [2, 3, 3]) await personalizer.record({ kind: "click", item: items[n]! });
    Object.assign(globalThis, { personalizer });
  }, ITEMS);
}

const contribute = () =>
  on.page.evaluate(async () => {
    const { personalizer } = globalThis as unknown as { personalizer: Personalizer };
    try {
      return { bytes: Array.from((await personalizer.contribute()).bytes) };
    } catch (error) {
      return { code: (error as { code: string }).code };
    }
  });

const spent = () =>
  on.page.evaluate(
    async () => (await (globalThis as unknown as { personalizer: Personalizer }).personalizer.status()).rhoSpent,
  );

/** The ledger hears of a session beside all else: what is written after that is something else's. */
async function sessionKnown(): Promise<void> {
  const known = () =>
    on.page.evaluate(async () => {
      const opened = indexedDB.open("privet");
      await new Promise((resolve) => opened.addEventListener("success", resolve));
      const count = opened.result.transaction("ledger").objectStore("ledger").count();
      await new Promise((resolve) => count.addEventListener("success", resolve));
      opened.result.close();
      return count.result > 0;
    });
  while (!(await known())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Every byte that the origin keeps. */
const stored = () =>
  on.page.evaluate(async () => {
    const opened = indexedDB.open("privet");
    await new Promise((resolve) => opened.addEventListener("success", resolve));
    const transaction = opened.result.transaction(["ledger", "records"]);
    const values = ["ledger", "records"].map((name) => transaction.objectStore(name).getAll());
    await new Promise((resolve) => transaction.addEventListener("complete", resolve));
    opened.result.close();
    const others = [localStorage.length, sessionStorage.length, (await caches.keys()).length, document.cookie.length];
    const bases = (await indexedDB.databases()).map(({ name }) => name);
    return {
      bytes: values.flatMap(({ result }) => result.map((value: Uint8Array) => Array.from(value))),
      others,
      bases,
    };
  });

test("a dry run shows each stage and its cost, and changes and stores nothing", async () => {
  await start();
  await sessionKnown();
  const before = await stored();
  const preview = await on.page.evaluate(async () => {
    const { personalizer } = globalThis as unknown as { personalizer: Personalizer };
    const preview: Preview = await personalizer.audit.preview();
    return { ...preview, gradient: Array.from(preview.gradient), clipped: Array.from(preview.clipped) };
  });
  assert.ok(preview.examples > 0);
  assert.equal(preview.gradient.length, 287);
  assert.ok(preview.gradient.some((entry) => entry !== 0) && preview.clipped.some((entry) => entry !== 0));
  assert.deepEqual([preview.rho, preview.rhoAlone, preview.rhoLeft], [0.03125, 0.03125, 1.052]);
  assert.deepEqual(await stored(), before, "nothing was written");
  assert.equal(await spent(), 0);

  const { bytes = [] } = await contribute();
  assert.equal(bytes.length, preview.uploadBytes);
  const kept = await stored();
  assert.deepEqual([kept.others, kept.bases], [[0, 0, 0, 0], ["privet"]]);
  const all = Buffer.concat([...kept.bytes.map((value) => Buffer.from(value)), Buffer.from(bytes)]);
  for (const [name, stage] of [
    ["gradient", Float32Array.from(preview.gradient)],
    ["clipped", Int32Array.from(preview.clipped)],
  ] as const) {
    let searched = 0;
    const large = (entry = 0) => Math.abs(entry) >= (name === "gradient" ? 1e-3 : 256); // zeros are everywhere
    for (const [place, entry] of stage.entries()) {
      // Two at once: the four bytes of one turn up by chance.
      if (!large(entry) || !large(stage[place + 1])) continue;
      searched += 1;
      const needle = Buffer.from(stage.buffer, 4 * place, 8);
      assert.ok(!all.includes(needle), `entries ${place} and on of the ${name} are stored or sent`);
    }
    assert.ok(searched > 0, `no entry of the ${name} is large enough to be searched for`);
  }
});

test("the statement speaks of the open round, and a receipt's bytes are read field by field", async () => {
  await start();
  const [statement, round, upload, garbled] = await on.page.evaluate(async () => {
    const { personalizer } = globalThis as unknown as { personalizer: Personalizer };
    const { bytes, id } = await personalizer.contribute();
    const { id: named, configuration, entries } = await personalizer.audit.inspect("upload", bytes);
    const plain = (field: unknown) => Array.from(field as Uint8Array, (byte) => byte.toString(16).padStart(2, "0"));
    const { task, mode, hash, ...rest } = await personalizer.audit.inspect("round");
    const garbled = await personalizer.audit.inspect("upload", bytes.slice(1)).catch(({ code }) => code);
    return [
      await personalizer.audit.statement(),
      { task, mode, cohort: rest["min-cohort"] },
      [plain(named).join("") === id, plain(configuration).join("") === plain(hash).join(""), plain(entries).length],
      garbled,
    ] as const;
  });
  assert.match(statement, /^What leaves: for the task “demo”, one upload of 1205 bytes at a time/);
  assert.match(statement, /epsilon 0\.55 at delta 0\.000001 between your data and no data/);
  assert.match(statement, /Who has to be trusted: nobody with your data\./);
  assert.deepEqual(round, { task: "demo", mode: "device", cohort: 100 });
  assert.deepEqual(upload, [true, true, 4 * 287]);
  assert.equal(garbled, "wire-malformed");
});

test("what is recorded is learnt between calls, explained, carried over and forgotten", async () => {
  await start();
  const seen = await on.page.evaluate(async (items) => {
    const { personalizer } = globalThis as unknown as { personalizer: Personalizer };
    const candidates = items.map((item, n) => ({ ...item, score: -n / 10 }));
    const explain = { explain: true };
    const ids = async () => (await personalizer.rerank(candidates)).items.map(({ id }) => id);
    const learnt = async () => {
      while ((await personalizer.status()).owed > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (let n = 0; n < 10; n++) {
      const { id: slate } = await personalizer.rerank(candidates);
      await personalizer.record({ kind: "like", item: items[3]!, slate });
    }
    await learnt();
    const slate = await personalizer.rerank(candidates, explain);
    const { order: learns } = await personalizer.status();
    const kept = await personalizer.export();
    const dropped = await personalizer.forget({ item: "3" });
    while (await personalizer.train({ maxMs: 20 }));
    const forgotten = await personalizer.rerank(candidates, explain);
    await personalizer.import(kept);
    const again = await personalizer.rerank(candidates, explain);
    const codes = [];
    for (const odd of [
      () => personalizer.import(kept.slice(1)),
      () => personalizer.forget({ attribute: "topic", value: "sea" }),
      () => personalizer.record({ kind: "hide", item: items[0]! }),
      () => personalizer.rerank([candidates[0]!, candidates[0]!]),
    ])
      codes.push(
        await odd().then(
          () => "none",
          ({ code }) => code,
        ),
      );
    return {
      top: slate.items[0]?.id,
      learns,
      score: slate.scores[0]!,
      dropped,
      forgotten: forgotten.scores.map(({ because }) => because),
      again: again.scores[0]?.personal === slate.scores[0]?.personal,
      all: await personalizer.forget({ from: 0, to: Date.now() + 1 }),
      order: await learnt().then(ids),
      codes,
    };
  }, ITEMS);
  assert.deepEqual([seen.top, seen.score.because, seen.learns], ["3", "3", "personal"]);
  assert.ok(seen.score.personal > 0 && seen.score.shared > 0, JSON.stringify(seen.score));
  assert.equal(seen.dropped, 13, "it was shown once, clicked twice and liked ten times");
  assert.ok(!seen.forgotten.includes("3"));
  assert.ok(seen.again, "an import is the profile that was exported");
  assert.deepEqual([seen.all, seen.order], [27, ["0", "1", "2", "3"]], "nothing is left but the server's order");
  assert.deepEqual(seen.codes, ["state-damaged", "attribute-unknown", "argument-refused", "candidate-refused"]);
});

for (const [what, source] of [
  ["constant", "crypto.getRandomValues = (array) => array.fill(7);"],
  ["a counter that begins anew each time", "crypto.getRandomValues = (array) => array.map((_, i) => (array[i] = i));"],
  ["missing", "crypto.getRandomValues = undefined;"],
  ["broken", "crypto.getRandomValues = () => { throw new Error('no source'); };"],
] as const) {
  test(`a random source that is ${what} debits nothing and releases nothing`, async () => {
    const worker = await readFile(join(DIST, "worker.js"), "utf8");
    await on.page.route("**/worker.js", (route) =>
      route.fulfill({ contentType: "text/javascript", body: `${source}\n${worker}` }),
    );
    // Where nothing at all comes of it, not even what the user agreed to can be sealed and kept.
    const refused = await start().then(contribute, (error: Error) => ({ code: error.message.match(/random/)?.[0] }));
    assert.match(refused.code ?? "", /^random/);
    assert.equal((await on.server.count()).count, 0);
    if (await on.page.evaluate(() => "personalizer" in globalThis)) assert.equal(await spent(), 0);
  });
}

test("the same page with a sound source contributes", async () => {
  await start();
  assert.ok((await contribute()).bytes);
  assert.equal((await on.server.count()).count, 1);
});

test("each limit of the policy refuses a round that asks for more", async () => {
  await on.page.goto(on.server.address);
  const codes = await on.page.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const limits = [
      {},
      { rhoPerRound: 0.001 },
      { rhoAlone: 0.001 },
      { minCohort: 1e6 },
      { maxCohort: 1 },
      { maxDimension: 10 },
      { maxDelta: 1e-9 },
      { maxDelta: Number.NaN },
      { minNoiseMultiplier: 90 },
      { modes: ["split"] },
      { modes: [] },
    ];
    const codes: string[] = [];
    for (const policy of limits) {
      try {
        const options = { task: "demo", aggregators: { leader: { url: "/", key } }, policy, backend: "scalar" };
        const personalizer: Personalizer = await createPersonalizer(options);
        await personalizer.close();
        codes.push("opened");
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    }
    return codes;
  });
  assert.deepEqual(codes, ["opened", ...Array.from({ length: 10 }, () => "policy-refused")]);
});

test("nothing that a server said before comes back to it: no header tells one device from another", async () => {
  const seen: [string, string[]][] = [];
  const proxy = createServer(async (request, response) => {
    const url = request.url ?? "/";
    const { host: _, connection: __, ...headers } = request.headers;
    seen.push([url, Object.keys(headers)]);
    const reply = await fetch(on.server.address + url, { headers: { accept: String(headers.accept) } });
    const given = {
      "content-type": reply.headers.get("content-type") ?? "",
      etag: '"device-7"',
      "set-cookie": "device=7",
    };
    const dated = { "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT", "cache-control": "max-age=0" };
    response.writeHead(reply.status, { ...given, ...dated });
    response.end(Buffer.from(await reply.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  await on.page.goto(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`);
  for (let n = 0; n < 3; n++) {
    assert.equal(await open(on.page), "open");
    await call(on.page, "refresh");
    await on.page.reload();
  }
  proxy.close();
  const rounds = seen.filter(([url]) => url.endsWith("/round"));
  assert.ok(rounds.length >= 6, "each opening and each refresh asks");
  for (const [url, headers] of rounds) {
    for (const name of ["if-none-match", "if-modified-since", "cookie", "referer"])
      assert.ok(!headers.includes(name), url);
  }
});
