// What left this device, on a page of its own, against a real leader and helper: what the element shows is what Playwright
// saw, what the package says, and nothing else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Entry, Preview, Status } from "../../web/ts/index.ts";
import { audit } from "./audit.ts";
import { stored, unfold } from "./site.ts";

const { on, fresh, ready, element, section, rows, browse, contribute, contributeTwice, copied, asked } = audit();

const plainHex = (text: string) => text.replace(/\s/g, "");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the log is what crossed the wire, its decoding is the package's, and its totals are the ledger's", async () => {
  const wire: { url: string; method: string; type: string | undefined; body: Buffer }[] = [];
  await contributeTwice((request) => {
    if (request.method() === "GET") return;
    const [url, method, body] = [request.url(), request.method(), request.postDataBuffer() ?? Buffer.alloc(0)];
    wire.push({ url, method, type: request.headers()["content-type"], body });
  });
  assert.equal(wire.length, 2);
  await unfold(element());

  const dumps = await element().locator(".dump").allInnerTexts();
  assert.ok(
    dumps.map(plainHex).join() === wire.map(({ body }) => body.toString("hex")).join(),
    "every byte, in its order",
  );
  const sent = wire[1]!;
  const second = element().locator(".sendings > li").nth(1);
  const said = (name: string, field: string) =>
    second.locator(`table[data-name="${name}"] [data-key="${field}"]`).innerText();
  assert.equal(await said("request", "method"), sent.method);
  assert.equal(await said("request", "address"), sent.url);
  assert.equal(await said("request", "content-type"), sent.type);
  assert.equal(plainHex(await said("request", "sha-256")), sha256(sent.body));

  const fields = await asked<Record<string, string>>("fields");
  const shown = second.locator('table[data-name="fields"] tbody tr');
  assert.deepEqual(await shown.locator("th").allInnerTexts(), Object.keys(fields));
  assert.deepEqual(
    (await shown.locator("code").allInnerTexts()).map(plainHex),
    Object.values(fields),
    "field by field",
  );
  const parts = await second.locator('table[data-name="shares"] tbody code').allInnerTexts();
  const [leader, helper] = [parts.slice(0, 3), parts.slice(3)].map((share) => share.map(plainHex).join(""));
  assert.deepEqual([leader, helper], [fields["leader-share"], fields["helper-share"]]);
  assert.equal(plainHex(parts[4] ?? "").length, 64, "the helper's is a seed of 32 bytes");

  const [, last] = await asked<{ noised: number[] }[]>("log");
  const noised = (await second.locator('[data-name="noised"]').innerText()).trim().split(/\s+/).map(Number);
  assert.deepEqual(noised, last?.noised);

  const [ledger, status] = [await asked<Entry[]>("ledger"), await asked<Status>("status")];
  assert.equal(await said("paid", "id"), ledger[1]?.id);
  const { ledger: debits } = await copied<{ ledger: { id: string; rho_alone: { rho: number } }[] }>(
    /^Copy as JSON: Every debit/,
  );
  assert.deepEqual(
    debits.map(({ id }) => id),
    ledger.map(({ id }) => id),
  );
  const alone = ledger.reduce((sum, { rhoAlone }) => sum + rhoAlone, 0);
  const { budget } = await copied<{ budget: { case: string; spent: { rho: number; epsilon: number } }[] }>(
    /^Copy as JSON: The budget/,
  );
  assert.deepEqual(
    budget.map(({ case: name, spent }) => [name, spent.rho]),
    [
      ["rho_against_nothing", status.rhoAgainstNothing],
      ["rho_against_any_other", status.rhoAgainstAnyOther],
      ["rho_alone", alone],
    ],
  );
  assert.equal(
    await element()
      .locator('tfoot [data-key="rho_alone"]')
      .innerText()
      .then((text) => Number(text.split(" ")[1])),
    alone,
  );
  assert.ok((budget[0]?.spent.epsilon ?? 0) > 0);
});

test("a dry run draws the stages, leaves no trace, and is gone when it is closed", async () => {
  await contribute();
  await browse();
  const before = await stored(on.page);
  const dry = element().locator("privet-dry-run");
  await dry.getByRole("button", { name: "Run it now" }).click();
  await dry.locator("canvas").waitFor();
  assert.match(await dry.locator(".finding").innerText(), /The noise is [\d.]+ times as long as what it covers/);
  await dry.getByLabel("stretched near zero").check();
  await dry.locator("canvas").waitFor();
  const held = () =>
    on.page.evaluate(() => {
      const audit = document.querySelector("privet-audit")?.shadowRoot;
      const run = audit?.querySelector("privet-dry-run") as unknown as { stages?: { preview: Preview } };
      Object.assign(globalThis, { held: run.stages?.preview ?? (globalThis as { held?: Preview }).held });
      const { gradient, clipped, noise } = (globalThis as unknown as { held: Preview }).held;
      return [gradient, clipped, noise].map((stage) => Array.from(stage));
    });
  const stages = await held();
  assert.ok(stages.every((stage) => stage.some((entry) => entry !== 0)));
  const after = await stored(on.page);
  assert.deepEqual(after, before, "nothing was written");
  const all = Buffer.concat(
    Object.values(after).flatMap((store) => Object.values(store).map((value) => Buffer.from(value as number[]))),
  );
  for (const [n, stage] of stages.entries()) {
    const array = n === 0 ? Float32Array.from(stage) : Int32Array.from(stage);
    const needles = stage.flatMap((entry, place) => (entry !== 0 && stage[place + 1] ? [place] : []));
    assert.ok(needles.length > 0);
    for (const place of needles)
      assert.ok(!all.includes(Buffer.from(array.buffer, 4 * place, 8)), `stage ${n} is stored`);
  }

  await dry.getByRole("button", { name: "Close" }).click();
  await dry.locator("canvas").waitFor({ state: "detached" });
  assert.ok(
    (await held()).flat().every((entry) => entry === 0),
    "what the page held is overwritten",
  );
  assert.match(await element().locator("[role=status]").innerText(), /nothing of it is left/);
  const other = await on.page.evaluate(async () => [
    localStorage.length,
    sessionStorage.length,
    (await caches.keys()).length,
  ]);
  assert.deepEqual(other, [0, 0, 0]);
});

test("every request of the page is explained, and what nobody vouches for is marked", async () => {
  await element()
    .getByText(/All \d+ requests of this page are explained/)
    .first()
    .waitFor();
  assert.equal(await rows("requests").filter({ hasText: "Unexplained" }).count(), 0, "before a Service Worker sees");
  // From here on the Service Worker sees everything, and before the log was read again.
  await on.page.reload();
  await ready();
  const marked = await on.page.evaluateHandle(() => {
    const seen: string[] = [];
    const { shadowRoot } = document.querySelector("privet-audit")!;
    const look = () =>
      seen.push(...Array.from(shadowRoot!.querySelectorAll("tr.loud"), (row) => row.textContent ?? ""));
    new MutationObserver(look).observe(shadowRoot!, { subtree: true, childList: true, attributes: true });
    return seen;
  });
  await contribute();
  // Each looks which round is open, and is refused: this one was contributed to.
  for (let n = 0; n < 3; n++) {
    await on.page.click("#contribute");
    await on.page.locator("#contribute:enabled").waitFor();
  }
  assert.deepEqual(await marked.jsonValue(), [], "no honest request is marked, not even for a moment");
  const all = await rows("requests").allInnerTexts();
  assert.equal(all.filter((row) => row.includes("Unexplained")).length, 0, all.join("\n"));
  assert.ok(all.filter((row) => row.includes("service worker")).length > 5);
  for (const address of [
    "/alone.html",
    "/alone.js",
    "/worker.js",
    "/rank_bg.wasm",
    "/v1/tasks/demo/round",
    "/v1/identity",
  ])
    assert.ok(
      all.some((row) => row.startsWith(address)),
      address,
    );
  assert.ok(all.some((row) => row.includes("an upload in the log, byte for byte")));
  assert.match(await element().locator(".sum").innerText(), /All \d+ requests of this page are explained/);

  const upload = (await asked<{ url: string }[]>("log")).at(-1)?.url ?? "";
  const planted = {
    "an address that nobody knows": () => on.page.evaluate(() => void fetch("/collect?who=me")),
    "a known address with something added": () => on.page.evaluate(() => void fetch("/v1/tasks/demo/round?who=me")),
    "a known address with a body": () =>
      on.page.evaluate(() => void fetch("/v1/identity", { method: "POST", body: "me" })),
    "an upload's address with other bytes": () =>
      on.page.evaluate((url) => void fetch(url, { method: "PUT", body: "me" }), upload),
  };
  for (const [place, [what, plant]] of Object.entries(planted).entries()) {
    await plant();
    await rows("requests").filter({ hasText: "Unexplained" }).nth(place).waitFor();
    assert.equal(await element().locator("tr.loud").count(), place + 1, what);
    const said = new RegExp(`${place + 1} of \\d+ requests ha(s|ve) no explanation`);
    assert.match(await element().locator(".sum").innerText(), said);
  }
  assert.equal(await element().getByRole("alert").count(), 1);
});

test("a request to somebody else is marked without a Service Worker, too", async () => {
  const foreign = createServer((_, answer) => answer.end("me")).listen(0, "127.0.0.1");
  await new Promise((resolve) => foreign.once("listening", resolve));
  await fresh({ serviceWorkers: "block", bypassCSP: true });
  const address = `http://127.0.0.1:${(foreign.address() as AddressInfo).port}/pixel`;
  await on.page.evaluate((address) => fetch(address, { mode: "no-cors" }), address);
  await element().locator("tr.loud", { hasText: address }).waitFor();
  assert.equal(await element().locator("tr.loud").count(), 1);
  foreign.close();
});

test("a projection needs two contributions, and then ends where the budget does", async () => {
  await contribute();
  const cell = () => element().locator(`table[data-name="budget"] [data-key="year"]`).first();
  assert.match(await cell().innerText(), /not known yet/);
  await contributeTwice();
  const { rhoSpent, rhoLeft } = await asked<{ rhoSpent: number; rhoLeft: number }>("status");
  const price = rhoSpent / 2;
  const more = Math.floor(Math.round(rhoLeft * 1e9) / Math.round(price * 1e9));
  const year = Number((await cell().innerText()).split(" ")[1]);
  assert.ok(Math.abs(year - (rhoSpent + more * price)) < 1e-8, `${year}`);
  assert.match(await section().innerText(), /at that pace the budget is gone in \d+ (second|minute)s/);
});

test("every table is copied as JSON, and a noised vector is in none", async () => {
  await contribute();
  await unfold(element());
  const tables = await element().locator("table[data-name]:visible").count();
  const buttons = element().locator("button.copy:visible");
  assert.equal(await buttons.count(), tables);
  for (const button of await buttons.all()) {
    await on.page.evaluate(() => navigator.clipboard.writeText(""));
    await button.click();
    await on.page.waitForFunction(() => navigator.clipboard.readText());
    const name = await button.locator("xpath=..").locator("table").getAttribute("data-name");
    const copy = JSON.parse(await on.page.evaluate(() => navigator.clipboard.readText()));
    assert.deepEqual(Object.keys(copy), ["page", "time", name]);
  }
  const [sending] = await asked<{ noised: number[]; bytes: string }[]>("log");
  const whole = await copied<{ log: { bytes: string; noised?: unknown }[]; statement: string }>("Copy all as JSON");
  assert.deepEqual([whole.log[0]?.bytes, whole.log[0]?.noised], [sending?.bytes, undefined]);
  const exported = JSON.parse(await asked<string>("export"));
  assert.deepEqual([exported.log[0].bytes, "noised" in exported.log[0]], [sending?.bytes, false]);
});

test("a browser that does not let it copy is said", async () => {
  await fresh({ permissions: [] });
  await contribute();
  await element().getByRole("button", { name: "Copy all as JSON" }).click();
  await element().locator("[role=status]", { hasText: "does not let this page copy" }).waitFor({ state: "attached" });
});

test("a noised vector is known to the session that made it, until something is forgotten", async () => {
  await contribute();
  const noised = async () => (await asked<{ noised?: number[] }[]>("log")).map(({ noised }) => noised?.length);
  assert.deepEqual(await noised(), [287]);
  await on.page.evaluate(() => document.querySelector("privet-audit")?.personalizer?.forget({ item: "item-0" }));
  assert.deepEqual(await noised(), [undefined]);
  await on.page.reload();
  await ready();
  await element().locator(".sendings").waitFor();
  assert.deepEqual(await noised(), [undefined]);
  await unfold(element());
  assert.match(await section().innerText(), /The session that made it knew it, and it was never stored/);
});

test("an upload of a round that is over is still taken apart, by the terms that came with it", async () => {
  await contributeTwice();
  const [first] = await asked<{ round: number }[]>("log");
  assert.deepEqual([first?.round, (await asked<{ round: number }>("status")).round], [1, 2]);
  await unfold(element());
  const oldest = element().locator(".sendings > li").first();
  assert.equal(await oldest.locator('table[data-name="round"] [data-key="number"]').innerText(), String(first?.round));
  assert.equal(plainHex(await oldest.locator('table[data-name="fields"] code').first().innerText()).length, 64);
});
