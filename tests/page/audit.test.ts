// What left this device, on a page of its own, against a real leader and helper: what the element shows is what Playwright
// saw, what the package says, and nothing else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, test } from "node:test";
import type { Request } from "playwright-core";
import type { PrivetAudit } from "../../demo/audit/index.ts";
import type { Entry, Preview, Status } from "../../web/ts/index.ts";
import { Server } from "../harness.ts";
import { prepare, stored, unfold } from "./site.ts";
import { type Device, stage } from "./stage.ts";

const AXE = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

const on = stage({
  pages: "built",
  mode: "split",
  path: "alone.html",
  device: { reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"] },
});

beforeEach(ready);

/** A device that was never here, on the page with nothing but the element. */
async function fresh(device: Device = {}): Promise<void> {
  await on.fresh(device);
  await ready();
}

async function ready(): Promise<void> {
  on.context.setDefaultTimeout(10_000);
  await on.page.locator("body[data-ready]").waitFor();
}

const element = () => on.page.locator("privet-audit");
const section = () => element().locator(".section");
const rows = (name: string) => element().locator(`table[data-name="${name}"] tbody tr`);
const plainHex = (text: string) => text.replace(/\s/g, "");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

async function browse(): Promise<void> {
  await on.page.click("#browse");
  await on.page.locator("#browse:enabled").waitFor();
}

/** Reads something, and sends what came of it; waits until the element has it. */
async function contribute(): Promise<void> {
  const before = await element().locator(".sendings > li").count();
  await on.page.click("#browse");
  await on.page.click("#contribute");
  await element()
    .locator(`.sendings > li:nth-child(${before + 1}) .answer:not(.open)`)
    .waitFor();
}

/** Contributes to two rounds, each of which takes two devices: another one closes the first. */
async function contributeTwice(listen: (request: Request) => void = () => undefined): Promise<void> {
  await on.server.end();
  on.server = await Server.start(undefined, "split", ["--min-cohort", "2"]);
  await fresh();
  on.context.on("request", listen);
  await contribute();
  const other = await on.browser.newContext();
  await prepare(other);
  const device = await other.newPage();
  await device.goto(`${on.server.address}/alone.html`);
  await device.locator("body[data-ready]").waitFor();
  await device.click("#contribute");
  while (!(await fetch(`${on.server.address}/v1/tasks/demo/rounds/2/aggregate`)).ok) await device.waitForTimeout(100);
  await other.close();
  await contribute();
}

async function copied<T>(caption: string | RegExp): Promise<T> {
  await element().getByRole("button", { name: caption }).first().click();
  await element().locator("[role=status]", { hasText: "Copied as JSON" }).waitFor({ state: "attached" });
  return JSON.parse(await on.page.evaluate(() => navigator.clipboard.readText())) as T;
}

/** What the package's audit says, bytes in hexadecimal. */
const asked = <T>(call: "ledger" | "log" | "preview" | "export" | "status" | "fields") =>
  on.page.evaluate(async (call) => {
    const { personalizer } = document.querySelector("privet-audit") as PrivetAudit;
    if (!personalizer) throw new Error("there is no personalizer");
    const { audit } = personalizer;
    const last = async () => {
      const { bytes, signed } = (await audit.log()).at(-1)!;
      return audit.inspect("upload", bytes, signed);
    };
    const value =
      call === "fields" ? await last() : call === "status" ? await personalizer.status() : await audit[call]();
    const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return JSON.parse(
      JSON.stringify(value, (_, part) =>
        part instanceof Uint8Array ? hex(part) : ArrayBuffer.isView(part) ? Array.from(part as Int32Array) : part,
      ),
    ) as never;
  }, call) as Promise<T>;

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

test("an aggregator that is down, and a device that is offline, are said in a sentence; the rest still works", async () => {
  await on.page.click("#contribute");
  // The leader goes away between the look and the upload, which waits for its moment.
  for (let n = 0; (await asked<Entry[]>("ledger"))[0]?.fate !== "ready"; n++) assert.ok(n < 500, "nothing was made");
  await on.server.down();
  await element()
    .locator(".trouble", { hasText: /The leader did not answer at .*the same bytes go out again/ })
    .waitFor();
  assert.equal(await element().locator(".sendings > li").count(), 1);
  assert.match(await element().locator(".answer").last().innerText(), /nobody answered/);
  await on.server.up();
  await on.page.click("#contribute");
  await element().locator(".sendings > li:nth-child(2) .answer:not(.open)").waitFor();
  assert.equal(await element().locator(".trouble").count(), 0);
  const log = await asked<{ bytes: string }[]>("log");
  assert.equal(log[0]?.bytes, log[1]?.bytes, "the same bytes");
  assert.equal((await asked<Entry[]>("ledger")).length, 1, "and no further debit");
  await on.context.setOffline(true);
  await element().locator(".trouble", { hasText: "This device is offline." }).waitFor();
  await element().locator("privet-dry-run").getByRole("button", { name: "Run it now" }).click();
  await element().locator("canvas").waitFor();
  await on.context.setOffline(false);
  await element().locator(".trouble").waitFor({ state: "detached" });
});

test("what cannot be read is missing, and said; what can is there", async () => {
  await on.context.close();
  on.context = await on.browser.newContext({ serviceWorkers: "block" });
  await prepare(on.context);
  on.page = await on.context.newPage();
  await on.page.route("**/full.js", (route) => route.abort());
  await on.page.goto(`${on.server.address}/alone.html`);
  await ready();
  await element()
    .locator(".trouble", { hasText: "The module that takes messages apart could not be loaded" })
    .waitFor();
  assert.ok((await rows("requests").count()) > 3);
  assert.match(await section().innerText(), /ρ 0 of 1\.052 is spent/);

  const shown = (status: object | undefined) =>
    on.page.evaluate(async (status) => {
      const audit = document.querySelector("privet-audit") as PrivetAudit;
      const nothing = async () => [];
      const told = async () => {
        if (!status) throw new Error("this personalizer is closed");
        const spent = { rhoSpent: 0, rhoAgainstNothing: 0, rhoAgainstAnyOther: 0, rhoLeft: 1, widened: [] };
        return { round: 0, ...spent, keeping: "persistent", consent: { contribute: true }, ...status };
      };
      const requests = async () => ({ asks: {}, seen: [] });
      audit.personalizer = { status: told, audit: { ledger: nothing, log: nothing, requests } } as never;
      await audit.updateComplete;
      await audit.read();
      await audit.updateComplete;
      return Array.from(audit.shadowRoot!.querySelectorAll(".opening .trouble"), ({ textContent }) => textContent);
    }, status);
  assert.match((await shown({ storage: "memory" })).join(), /keeps nothing beyond its own life/);
  assert.match((await shown({ storage: "indexeddb", refused: "server-unreachable" })).join(), /could not be reached/);
  assert.deepEqual(await shown(undefined), ["This device did not answer: this personalizer is closed."]);
  const unread = await shown({
    storage: "indexeddb",
    refused: "ledger-damaged",
    rhoSpent: Number.NaN,
    rhoLeft: Number.NaN,
  });
  assert.equal(unread.length, 1);
  assert.match(unread[0] ?? "", /^The ledger on this device cannot be read/);
  assert.doesNotMatch(await section().innerText(), /NaN/);
  assert.deepEqual(await shown({ storage: "indexeddb" }), [], "and it is well again");
});

test("what the count rests on is said, and which limits hold", async () => {
  const limits = { lifetimeRho: 1, rhoPerRound: 1, rhoAlonePerRound: 1, rhoAlone: "none", waitMs: 0, sessions: 0 };
  const from = { ...limits, intervalMs: 604_800_000 };
  const to = { ...from, lifetimeRho: 2, intervalMs: 86_400_000 };
  const shown = async (status: object) => {
    await on.page.evaluate(async (status) => {
      const audit = document.querySelector("privet-audit") as PrivetAudit;
      const nothing = async () => [];
      const spent = { rhoSpent: 0, rhoAgainstNothing: 0, rhoAgainstAnyOther: 0, rhoLeft: 1, widened: [] };
      const told = async () => ({
        round: 0,
        ...spent,
        keeping: "persistent",
        consent: { contribute: true },
        ...status,
      });
      const requests = async () => ({ asks: {}, seen: [] });
      audit.personalizer = { status: told, audit: { ledger: nothing, log: nothing, requests } } as never;
      await audit.updateComplete;
      await audit.read();
      await audit.updateComplete;
    }, status);
    return section().innerText();
  };
  assert.match(await shown({}), /kept on this device until somebody clears this site’s data/);
  assert.match(await shown({ keeping: "tokens" }), /What bounds it then are tokens/);
  assert.match(await shown({ keeping: "evictable-allowed" }), /may delete the count .* This site accepts that/);
  assert.match(
    await shown({ keeping: "evictable" }),
    /and with it the count of what was spent: so nothing is contributed/,
  );
  const changed = /limits: ρ in a lifetime 1 → 2, the time between two 7 days → 24 hours\./;
  assert.match(
    await shown({ wantsWider: { from, to } }),
    new RegExp(`now asks for wider ${changed.source} Until you agree`),
  );
  assert.match(await shown({ widened: [{ from, to }] }), new RegExp(`You agreed to wider ${changed.source}`));
});

test("the record is one printed page with its date, hashes and figures", async () => {
  await contributeTwice();
  const pdf = (await on.page.pdf({ format: "A4" })).toString("latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, 1);
  await on.page.emulateMedia({ media: "print" });
  const record = await element().locator(".record").innerText();
  for (const { bytes } of await asked<{ bytes: string }[]>("log"))
    assert.ok(record.includes(sha256(Buffer.from(bytes, "hex"))));
  assert.match(record, new RegExp(`${new Date().getFullYear()}, \\d\\d:\\d\\d:\\d\\d`));
  assert.match(record, /ρ 0\.0625 ε/);
  assert.equal(await element().locator(".section").isVisible(), false);
});

test("taken off the page it keeps nothing and listens to nothing", async () => {
  await contribute();
  const left = await on.page.evaluate(async () => {
    const audit = document.querySelector("privet-audit") as PrivetAudit;
    const { personalizer } = audit;
    let asked = 0;
    const { requests } = personalizer!.audit;
    personalizer!.audit.requests = function () {
      asked += 1;
      return requests.call(this);
    };
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const while_ = asked;
    audit.remove();
    await audit.updateComplete;
    const text = audit.shadowRoot?.querySelector(".section")?.textContent?.replace(/\s+/g, " ").trim();
    const before = asked;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return { text, looked: while_ > 0, more: asked - before, personalizer: audit.personalizer };
  });
  assert.deepEqual(left, {
    text: "No personalizer is open on this page yet.",
    looked: true,
    more: 0,
    personalizer: undefined,
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [360, 1440]) {
    test(`axe finds nothing serious, ${colorScheme}, ${width} px, and nothing is wider than the page`, async () => {
      await fresh({ colorScheme, viewport: { width, height: 900 } });
      await contribute();
      await on.page.evaluate(() => void fetch("/collect"));
      await element().locator("tr.loud").first().waitFor();
      await unfold(element());
      await element().locator("privet-dry-run").getByRole("button", { name: "Run it now" }).click();
      await element().locator("canvas").waitFor();
      await on.page.evaluate(AXE);
      const { violations } = await on.page.evaluate(() =>
        (
          globalThis as unknown as {
            axe: {
              run(): Promise<{
                violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
              }>;
            };
          }
        ).axe.run(),
      );
      const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      assert.deepEqual(
        serious.map(({ id, nodes }) => [id, nodes.map(({ html, failureSummary }) => html + failureSummary)]),
        [],
      );
      const wide = await on.page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(wide, 0);
    });
  }
}

test("all of it is reached by the keyboard", async () => {
  await contribute();
  const focus = () =>
    on.page.evaluate(() => {
      let at: Element | null = document.activeElement;
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      return at?.textContent?.replace(/\s+/g, " ").trim() ?? "";
    });
  const met: string[] = [];
  await on.page.locator("#contribute").focus();
  for (let n = 0; n < 40; n++) {
    await on.page.keyboard.press("Tab");
    met.push(await focus());
  }
  for (const wanted of ["Print the record", "Upload 1", "Field by field", "Copy as JSON", "Run it now"])
    assert.ok(
      met.some((text) => text.startsWith(wanted)),
      `${wanted} is not reached: ${met.join(" | ")}`,
    );
});
