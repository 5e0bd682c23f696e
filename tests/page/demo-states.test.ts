// The demo's page where something is missing, and within its bounds.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { heartbeat, quantile } from "../bench/heartbeat.ts";
import { DEMO_TASKS, required, Server } from "../harness.ts";
import { demo, SECTIONS } from "./demo.ts";
import { meddle } from "./site.ts";

/** What the whole page weighs at most, gzipped: every section, every file. */
const MOST_BYTES = 400 * 1024;
/** How long a visitor's click may have to wait at most. */
const MOST_GAP_MS = 50;

const on = demo();
const open = () => on.visitor.open(on.server.address);

test("offline the feed learns and orders, and the page says so until it is over", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  await visitor.agree();
  await on.context.setOffline(true);
  await page.locator(".notice[data-code=offline]").waitFor();
  await visitor.read();
  await visitor.turn("knows");
  assert.equal(await page.locator(".recent li").count(), 1);
  await on.context.setOffline(false);
  await page.locator(".notice[data-code=offline]").waitFor({ state: "detached" });
});

test("where nothing can be kept it says so, learns all the same, and offers no contribution", async () => {
  const { visitor } = on;
  const { page } = visitor;
  // A window that refuses storage to the worker.
  await page.route("**/worker.js", async (route) => {
    const reply = await route.fetch();
    const body = `indexedDB.open = () => { throw new Error("refused"); };\n${await reply.text()}`;
    await route.fulfill({ response: reply, body });
  });
  await open();
  await page.locator(".notice[data-code=memory]").waitFor();
  assert.equal(await visitor.button("Yes to both").count(), 0);
  await visitor.button("Learn, but send nothing").click();
  await visitor.read();
  await visitor.turn("round");
  await visitor.button(/^Send in/).waitFor();
  assert.equal(await visitor.button(/this device/).count(), 0);
  await visitor.turn("knows");
  assert.equal(await page.getByRole("switch", { name: /Contribute/ }).count(), 0);
  assert.match(await page.locator(".whole").innerText(), /kept in this window’s memory/);
});

test("a leader that is down is said; reading goes on, and the same upload goes out when it is back", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  await visitor.agree();
  await visitor.turn("round");
  await page.getByText("Round 1 is open").waitFor();
  await on.server.down();
  await visitor.button("Contribute from this device").click();
  await page.locator(".notice[data-code=server-unreachable]").waitFor();
  await visitor.button(/^Send in/).click();
  await visitor.said("round", "It stopped after 0 devices.");
  await visitor.turn("feed");
  await visitor.read();
  await on.server.up();
  await visitor.turn("round");
  await visitor.button("Contribute from this device").click();
  await visitor.said("round", "number 1 of the round");
  assert.equal(await page.locator(".notice").count(), 0);
  assert.equal((await on.server.count("feed")).count, 1);
});

test("a helper that is down is said, and the half of an upload counts for nothing", async () => {
  const { visitor } = on;
  const { page } = visitor;
  const apart = await Server.apart(DEMO_TASKS);
  try {
    await visitor.open(apart.leader.address);
    await visitor.agree();
    await visitor.turn("round");
    await page.getByText("Round 1 is open").waitFor();
    await apart.helper.down();
    await visitor.button("Contribute from this device").click();
    await page.locator(".notice[data-code=helper-unreachable]").waitFor();
    assert.equal((await apart.leader.count("feed")).count, 0);
    await visitor.turn("feed");
    await visitor.read();
    await apart.helper.up();
    await visitor.turn("round");
    await visitor.button("Contribute from this device").click();
    await visitor.said("round", "number 1 of the round");
  } finally {
    await apart.leader.end();
    await apart.helper.end();
  }
});

test("each section has an address, a title, and the focus when it is turned to", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await visitor.open(`${on.server.address}/#knows`);
  for (const name of SECTIONS) {
    await visitor.turn(name);
    const shown = await page.locator("main > section:visible").evaluateAll((all) => all.map(({ id }) => id));
    assert.deepEqual(shown, [name]);
    assert.equal(await page.locator("nav a[aria-current=page]").getAttribute("href"), `#${name}`);
    const title = await page.locator(`#${name} h1`).innerText();
    assert.ok((await page.title()).startsWith(title));
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), title);
  }
  await page.goBack();
  assert.equal(await page.locator("#left").isVisible(), true);
  for (const [name, shown] of Object.entries({
    feed: "#stories",
    knows: ".nothing-yet",
    left: "privet-audit .section .statement",
    round: "progress",
  })) {
    await page.goto("about:blank");
    await page.goto(`${on.server.address}/#${name}`);
    await page.locator(shown).waitFor();
  }
  assert.deepEqual(visitor.complaints, []);
});

test("what left is printed as a record of one page, with nothing of the page around it", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  await visitor.agree();
  await visitor.read();
  await visitor.contribute();
  await visitor.turn("left");
  await visitor.audit.getByText("1 upload left this device").waitFor();
  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.equal(pdf.match(/\/Type\s*\/Page\b/g)?.length, 1);
  await page.emulateMedia({ media: "print" });
  assert.equal((await page.locator("body").innerText()).trim(), "", "nothing but the element");
  const record = await visitor.audit.locator(".record").innerText();
  assert.match(record, /^What left this device\n/);
  assert.match(record, new RegExp(` ${new Date().getFullYear()}, \\d\\d:\\d\\d:\\d\\d · http`));
  assert.equal(record.match(/\b[0-9a-f]{64}\b/g)?.length, 1, "the upload's hash");
  assert.match(record, /ρ 0\.03125 ε/);
});

test("a ledger that cannot be read is said in words, nowhere as a number, and the rest goes on", async () => {
  const { visitor } = on;
  const { page, audit } = visitor;
  await open();
  await visitor.agree();
  const name = await visitor.read("science");
  await meddle(page, "ledger", "account", [1, 2, 3]);
  await page.reload();
  await page.locator(".notice", { hasText: "The ledger on this device cannot be read" }).waitFor();
  await visitor.read();
  const shown = async () => (await page.locator("body").innerText()) + (await audit.innerText());
  for (const section of SECTIONS) {
    await visitor.turn(section);
    if (section === "left") await audit.locator(".trouble", { hasText: "cannot be read" }).waitFor();
    assert.doesNotMatch(await shown(), /NaN|undefined/, section);
  }
  await visitor.turn("left");
  await audit.getByText(/All \d+ requests of this page are explained/).waitFor();
  assert.equal(await audit.locator("[data-name=budget], [data-name=ledger]").count(), 0);
  await page.emulateMedia({ media: "print" });
  const record = await audit.locator(".record").innerText();
  assert.match(record, /The ledger on this device cannot be read/);
  assert.doesNotMatch(record, /NaN/);
  await page.emulateMedia({ media: "screen" });
  await visitor.turn("round");
  await visitor.button("Contribute from this device").click();
  await page.waitForFunction(() => document.querySelector("demo-round [aria-disabled=true]") === null);
  assert.equal(await page.locator(".notice").count(), 1, "said once");
  assert.equal((await on.server.count("feed")).count, 0);
  await visitor.turn("knows");
  await visitor.button(`Forget: ${name}`).click();
  await visitor.said("knows", `Forgot “${name}”`);
  await visitor.button("Forget everything").click();
  await visitor.button("Erase").click();
  await visitor.said("knows", "All but the ledger was erased.");
  await page.getByText("It knows nothing about you.").waitFor();
});

test("what was erased from the log is still counted by the ledger, and said", async () => {
  const { visitor } = on;
  await open();
  await visitor.agree();
  await visitor.read();
  await visitor.contribute();
  await visitor.turn("knows");
  await visitor.button("Forget everything").click();
  await visitor.button("Erase").click();
  await visitor.said("knows", "Everything was erased.");
  await visitor.turn("left");
  await visitor.audit.getByText("The ledger knows of 1 earlier upload, whose bytes are not kept any more.").waitFor();
});

for (const width of [360, 1440]) {
  test(`at ${width} pixels nothing is cut and nothing scrolls sideways`, async () => {
    const { visitor } = on;
    const { page } = visitor;
    await page.setViewportSize({ width, height: 740 });
    await open();
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(await wide(), width);
    await visitor.agree();
    for (let n = 0; n < 8; n++) await visitor.read(n % 4);
    for (const name of ["Scores", "Side by side"]) {
      await visitor.button(name).click();
      assert.equal(await wide(), width, name);
    }
    await visitor.contribute();
    for (const name of SECTIONS) {
      await visitor.turn(name);
      if (name === "left") {
        await visitor.button("Run it now").click();
        await visitor.audit.locator("canvas").waitFor();
        for (const folded of await visitor.audit.locator(".unfolded summary").all()) await folded.click();
      }
      assert.equal(await wide(), width, name);
    }
  });
}

test("stories glide to their places, and stand still for whoever wants that", async () => {
  const { visitor } = on;
  const { page } = visitor;
  const moving = () => page.evaluate(() => document.getAnimations().length);
  await open();
  await visitor.agree();
  await visitor.read(4);
  assert.equal(await moving(), 0);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await visitor.read(5);
  assert.ok((await moving()) > 0);
});

test("no click has to wait long while it learns and orders anew", async (t) => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  await visitor.agree();
  for (let n = 0; n < 3; n++) await visitor.read(n);
  const longest = async (work: (n: number) => Promise<unknown>) => {
    const gaps: number[] = [];
    for (let n = 0; n < 10; n++) {
      const windows = heartbeat(page, 400);
      await work(n % 4);
      gaps.push(Math.max(...(await windows)));
    }
    return gaps;
  };
  // What a page has to wait that does nothing is the machine's: one with more to do than cores stops every thread.
  const idle = await longest(async () => undefined);
  const busy = await longest((n) => visitor.read(n));
  const all = [idle, busy].map((gaps) => gaps.map(Math.round).join(" "));
  t.diagnostic(`longest gaps in ms, idle: ${all[0]}; reading: ${all[1]}`);
  assert.ok(quantile(busy, 0.5) - quantile(idle, 0.5) < MOST_GAP_MS, all.join("; "));
});

test("the whole page weighs less than it may, every section and every file", async () => {
  const { visitor } = on;
  const { page } = visitor;
  const dist = required("PRIVET_PAGES");
  const asked = new Set<string>();
  on.context.on("request", (request) => asked.add(new URL(request.url()).pathname));
  await open();
  await visitor.agree();
  await visitor.read();
  for (const name of SECTIONS) await visitor.turn(name);
  await visitor.button(/^Send in/).click();
  await page.locator(".steps").waitFor();
  const files = [...asked]
    .filter((path) => !path.startsWith("/v1/"))
    .map((path) => (path === "/" ? "/index.html" : path));
  const sizes = await Promise.all(
    files.map(async (path) => [path, gzipSync(await readFile(dist + path), { level: 9 }).length] as const),
  );
  const sum = sizes.reduce((sum, [, size]) => sum + size, 0);
  assert.ok(
    ["/devices.worker.js", "/release_bg.wasm", "/feed.bin"].every((path) => files.includes(path)),
    files.join(" "),
  );
  assert.ok(sum <= MOST_BYTES, `${sum} bytes: ${sizes.map(([path, size]) => `${path} ${size}`).join(", ")}`);
});
