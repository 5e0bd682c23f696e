// The demo's page where something is missing, for whoever uses it without a mouse or without eyes, and within its bounds.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { heartbeat, quantile } from "../bench/heartbeat.ts";
import { DEMO_TASKS, launch, openDemo, required, serveDemo, Server } from "../harness.ts";

const SECTIONS = ["feed", "knows", "left", "round"] as const;
/** What the whole page weighs at most, gzipped: every section, every file. */
const MOST_BYTES = 350 * 1024;
/** How long a visitor's click may have to wait at most. */
const MOST_GAP_MS = 50;

let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;

before(async () => {
  browser = await launch();
});
after(() => browser.close());

beforeEach(async (t) => {
  server = await serveDemo();
  context = await browser.newContext({ reducedMotion: "reduce" });
  page = await context.newPage();
  (t as unknown as { after(end: () => Promise<void>): void }).after(async () => {
    await context.close();
    await server.end();
  });
});

const agree = () => page.getByRole("button", { name: "Yes to both" }).click();
const turn = (name: string) => page.click(`nav a[href="#${name}"]`);
const said = (section: string, text: string) => page.locator(`demo-${section} .said`, { hasText: text }).waitFor();

async function read(n = 0): Promise<string> {
  const title = page.locator(".story .title[aria-expanded=false]").nth(n);
  const name = await title.innerText();
  await title.click();
  await said("feed", `Opened “${name}”`);
  return name;
}

test("offline the feed learns and orders, and the page says so until it is over", async () => {
  await openDemo(page, server.address);
  await agree();
  await context.setOffline(true);
  await page.locator(".notice[data-code=offline]").waitFor();
  await read();
  await turn("knows");
  assert.equal(await page.locator(".recent li").count(), 1);
  await context.setOffline(false);
  await page.locator(".notice[data-code=offline]").waitFor({ state: "detached" });
});

test("where nothing can be kept it says so, learns all the same, and offers no contribution", async () => {
  // A window that refuses storage to the worker.
  await page.route("**/worker.js", async (route) => {
    const reply = await route.fetch();
    const body = `indexedDB.open = () => { throw new Error("refused"); };\n${await reply.text()}`;
    await route.fulfill({ response: reply, body });
  });
  await openDemo(page, server.address);
  await page.locator(".notice[data-code=memory]").waitFor();
  assert.equal(await page.getByRole("button", { name: "Yes to both" }).count(), 0);
  await page.getByRole("button", { name: "Learn, but send nothing" }).click();
  await read();
  await turn("round");
  await page.getByRole("button", { name: /^Send in/ }).waitFor();
  assert.equal(await page.getByRole("button", { name: /this device/ }).count(), 0);
  await turn("knows");
  assert.equal(await page.getByRole("switch", { name: /Contribute/ }).count(), 0);
  assert.match(await page.locator(".whole").innerText(), /kept in this window’s memory/);
});

test("a leader that is down is said; reading goes on, and the same upload goes out when it is back", async () => {
  await openDemo(page, server.address);
  await agree();
  await turn("round");
  await page.getByText("Round 1 is open").waitFor();
  await server.down();
  await page.getByRole("button", { name: "Contribute from this device" }).click();
  await page.locator(".notice[data-code=server-unreachable]").waitFor();
  await page.getByRole("button", { name: /^Send in/ }).click();
  await said("round", "It stopped after 0 devices.");
  await turn("feed");
  await read();
  await server.up();
  await turn("round");
  await page.getByRole("button", { name: "Contribute from this device" }).click();
  await said("round", "number 1 of the round");
  assert.equal(await page.locator(".notice").count(), 0);
  assert.equal((await server.count("feed")).count, 1);
});

test("a helper that is down is said, and the half of an upload counts for nothing", async () => {
  const apart = await Server.apart(DEMO_TASKS);
  try {
    await openDemo(page, apart.leader.address);
    await agree();
    await turn("round");
    await page.getByText("Round 1 is open").waitFor();
    await apart.helper.down();
    await page.getByRole("button", { name: "Contribute from this device" }).click();
    await page.locator(".notice[data-code=helper-unreachable]").waitFor();
    assert.equal((await apart.leader.count("feed")).count, 0);
    await turn("feed");
    await read();
    await apart.helper.up();
    await turn("round");
    await page.getByRole("button", { name: "Contribute from this device" }).click();
    await said("round", "number 1 of the round");
  } finally {
    await apart.leader.end();
    await apart.helper.end();
  }
});

test("each section has an address, a title, and the focus when it is turned to", async () => {
  await openDemo(page, `${server.address}/#knows`);
  for (const name of SECTIONS) {
    await turn(name);
    await page.locator(`nav a[href="#${name}"][aria-current=page]`).waitFor();
    const shown = await page.locator("main > section:visible").evaluateAll((all) => all.map(({ id }) => id));
    assert.deepEqual(shown, [name]);
    assert.equal(await page.locator("nav a[aria-current=page]").getAttribute("href"), `#${name}`);
    const title = await page.locator(`#${name} h1`).innerText();
    assert.ok((await page.title()).startsWith(title));
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), title);
  }
  await page.goBack();
  assert.equal(await page.locator("#left").isVisible(), true);
});

test("the keyboard alone is enough to read, like and hide", async () => {
  await openDemo(page, server.address);
  const focused = () =>
    page.evaluate(
      () => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent?.trim() ?? "",
    );
  const reach = async (what: RegExp) => {
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("Tab");
      if (what.test(await focused())) return;
    }
    assert.fail(`${what} cannot be reached`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "MAIN");
  await reach(/^Yes to both$/);
  await page.keyboard.press("Enter");
  await page.locator(".acts").first().waitFor();
  await reach(/^A thriller/);
  await page.keyboard.press("Enter");
  await said("feed", "Opened");
  assert.match(await focused(), /^A thriller/, "the focus stays with the story");
  await reach(/^Like: A thriller/);
  await page.keyboard.press("Enter");
  await said("feed", "Liked");
  await reach(/^Hide: /);
  await page.keyboard.press("Space");
  await said("feed", "Hid");
});

test("axe finds no serious fault in any section, in either theme", async () => {
  const axe = await readFile(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
  await openDemo(page, server.address);
  const check = async (where: string) => {
    // Not as a script of the page, which its policy would refuse.
    const found = await page.evaluate(`${axe}; axe.run().then(({ violations }) => violations.map(
      ({ id, impact, nodes }) => ({ id, impact, at: nodes.map(({ target }) => target.join(" ")) })))`);
    const serious = (found as { impact: string }[]).filter(({ impact }) => ["serious", "critical"].includes(impact));
    assert.deepEqual(serious, [], where);
  };
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const name of SECTIONS) {
      await turn(name);
      if (name === "round") await page.getByText(/Round \d is open/).waitFor();
      await check(`${name}, ${colorScheme}, at first`);
    }
    await turn("feed");
    if (colorScheme === "light") await agree();
    for (let n = 0; n < 8; n++) await read(n % 3);
    await page.getByRole("button", { name: "Scores" }).click();
    await check(`feed with scores, ${colorScheme}`);
    await page.getByRole("button", { name: "Side by side" }).click();
    await check(`both orders, ${colorScheme}`);
    await page.getByRole("button", { name: "Side by side" }).click();
    await page.getByRole("button", { name: "Scores" }).click();
    await turn("knows");
    await page.locator(".recent").waitFor();
    await page.getByRole("button", { name: "Forget everything" }).click();
    await check(`knows, ${colorScheme}`);
    await page.getByRole("button", { name: "Keep" }).click();
    await turn("round");
    await page.getByRole("button", { name: /^Send in/ }).click();
    await page.locator(".steps").waitFor();
    await check(`round, ${colorScheme}`);
    await turn("left");
    await check(`left, ${colorScheme}`);
  }
});

test("at 360 pixels nothing is cut and nothing scrolls sideways", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await openDemo(page, server.address);
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await wide(), 360);
  await agree();
  for (let n = 0; n < 4; n++) await read(n);
  for (const name of SECTIONS) {
    await turn(name);
    assert.equal(await wide(), 360, name);
  }
});

test("stories glide to their places, and stand still for whoever wants that", async () => {
  const moving = () => page.evaluate(() => document.getAnimations().length);
  await openDemo(page, server.address);
  await agree();
  await read(4);
  assert.equal(await moving(), 0);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await read(5);
  assert.ok((await moving()) > 0);
});

test("no click has to wait long while it learns and orders anew", async (t) => {
  await openDemo(page, server.address);
  await agree();
  for (let n = 0; n < 3; n++) await read(n);
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
  const busy = await longest(read);
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const spent = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN) * 1000;
  };
  const before = await spent();
  for (let n = 0; n < 4; n++) await read(n);
  const each = ((await spent()) - before) / 4;
  const all = [idle, busy].map((gaps) => gaps.map(Math.round).join(" "));
  t.diagnostic(
    `longest gaps in ms, idle: ${all[0]}; reading: ${all[1]}; all work of the thread: ${each.toFixed(1)} a read`,
  );
  assert.ok(quantile(busy, 0.5) - quantile(idle, 0.5) < MOST_GAP_MS, all.join("; "));
  assert.ok(each < MOST_GAP_MS, `${each} ms of work for a read`);
});

test("the whole page weighs less than it may, every section and every file", async () => {
  const dist = required("PRIVET_PAGES");
  const asked = new Set<string>();
  context.on("request", (request) => asked.add(new URL(request.url()).pathname));
  await openDemo(page, server.address);
  await agree();
  await read();
  for (const name of SECTIONS) await turn(name);
  await page.getByRole("button", { name: /^Send in/ }).click();
  await page.locator(".steps").waitFor();
  const files = [...asked]
    .filter((path) => !path.startsWith("/v1/"))
    .map((path) => (path === "/" ? "/index.html" : path));
  const sizes = await Promise.all(
    files.map(async (path) => [path, gzipSync(await readFile(dist + path), { level: 9 }).length] as const),
  );
  const sum = sizes.reduce((sum, [, size]) => sum + size, 0);
  assert.ok(
    ["/devices.worker.js", "/full_bg.wasm", "/feed.bin"].every((path) => files.includes(path)),
    files.join(" "),
  );
  assert.ok(sum <= MOST_BYTES, `${sum} bytes: ${sizes.map(([path, size]) => `${path} ${size}`).join(", ")}`);
});
