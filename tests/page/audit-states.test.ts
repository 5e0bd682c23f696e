// What left this device where something is down or missing, in print, for whoever uses it without a mouse or without
// eyes, and when it is taken off the page.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { PrivetAudit } from "../../web/audit/index.ts";
import type { Entry } from "../../web/ts/index.ts";
import { audit } from "./audit.ts";
import { prepare, unfold } from "./site.ts";

const AXE = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");

const { on, fresh, ready, element, section, rows, contribute, contributeTwice, asked } = audit();

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

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
  await on.page.route("**/release.js", (route) => route.abort());
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
