// The demo's page against real servers: what a visitor does, with WebGPU and without it.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Browser, BrowserContext, Download, Page } from "playwright-core";
import { launch, noGpu, openDemo, serveDemo, type Server } from "../harness.ts";

/** The least cohort in `demo/task/tasks.toml`. */
const COHORT = 32;

let browser: Browser;
let server: Server;
let context: BrowserContext;
let page: Page;
let complaints: string[];

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
  complaints = await openDemo(page, server.address);
});

const titles = (on = page) => on.locator(".story .title").allInnerTexts();
const agree = (on = page) => on.getByRole("button", { name: "Yes to both" }).click();
const turn = (name: string, on = page) => on.click(`nav a[href="#${name}"]`);
const said = (section: string, text: string | RegExp, on = page) =>
  on.locator(`demo-${section} .said`, { hasText: text }).waitFor();

/** Opens the first story of a topic that is not open. */
async function read(topic: string, on = page): Promise<string> {
  const title = on.locator(`.story[data-topic=${topic}] .title[aria-expanded=false]`).first();
  const name = await title.innerText();
  await title.click();
  await said("feed", `Opened “${name}”`, on);
  return name;
}

test("before consent the feed is the server's, nothing is stored, and nothing but the page is asked for", async () => {
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(`${request.method()} ${new URL(request.url()).pathname}`));
  page.on("request", (request) => assert.equal(new URL(request.url()).origin, server.address));
  await page.reload();
  await page.locator("#stories").waitFor();
  const before = await titles();
  await page.locator(".story .title").nth(3).click();
  await said("feed", "It is not remembered: you have not agreed to that.");
  assert.deepEqual(await titles(), before);
  const paths = [...asked].map((path) => path.replace(/[0-9a-f]{64}/, "{hash}")).sort();
  assert.deepEqual(paths, [
    "GET /",
    "GET /feed.bin",
    "GET /feed.json",
    "GET /icon.svg",
    "GET /main.js",
    "GET /rank_bg.wasm",
    "GET /style.css",
    "GET /v1/heads/{hash}",
    "GET /v1/identity",
    "GET /v1/tasks/feed/round",
    "GET /worker.js",
  ]);
  await page.getByRole("button", { name: "Neither" }).click();
  await page.getByText("Nothing is learnt from you.").waitFor();
  assert.equal((await server.count("feed")).count, 0);
  assert.deepEqual(complaints, []);
});

test("what is read, liked and hidden changes the order, and each story says why it is where it is", async () => {
  await agree();
  const before = await titles();
  const name = await read("science");
  const after = await titles();
  assert.notDeepEqual(after, before);
  assert.equal(after.indexOf(name), before.indexOf(name), "what is being read stays where it is");
  assert.ok((await page.locator(".summary").innerText()).length > 40);
  const reasons = await page.locator(".why").allInnerTexts();
  assert.ok(
    reasons.some((reason) => /^↑ \d+Because/.test(reason) && reason.endsWith(`you read ${name}`)),
    reasons.join("\n"),
  );

  const other = await read("science");
  assert.ok(!(await titles()).includes(name), "what was read makes room");
  await page.getByRole("button", { name: `Like: ${other}` }).click();
  await said("feed", `Liked “${other}”`);
  await page.locator(".liked").waitFor();

  const hidden = (await titles())[0] ?? "";
  await page.getByRole("button", { name: `Hide: ${hidden}` }).click();
  await said("feed", `Hid “${hidden}”`);
  assert.ok(!(await titles()).includes(hidden));
  await page.getByRole("button", { name: "Undo" }).click();
  await said("feed", `Forgot that you hid “${hidden}”: 1 event gone`);
  assert.ok((await titles()).includes(hidden));
  await page.locator(".liked").waitFor();
  assert.deepEqual(complaints, []);
});

test("both orders stand side by side, and the parts of each score add up to its place", async () => {
  await agree();
  await read("music");
  await page.getByRole("button", { name: "Scores" }).click();
  const parts = await page.locator(".parts").allInnerTexts();
  const sums = parts.map((text) => {
    const numbers = text.replaceAll("−", "-").match(/[+-]?\d+\.\d+/g) ?? [];
    assert.equal(numbers.length, 3, text);
    return numbers.reduce((sum, number) => sum + Number(number), 0);
  });
  // The one that is open is held at its place; the others fall, but for rounding and what a topic may have at most.
  const falls = sums.slice(1).filter((sum, n) => sum <= (sums[n] ?? 0) + 0.02).length;
  assert.ok(falls >= sums.length - 3, sums.join(" "));
  await page.getByRole("button", { name: "Side by side" }).click();
  const lists = await Promise.all(["server", "ours"].map((side) => page.locator(`.both .${side} li`).allInnerTexts()));
  assert.deepEqual(
    lists.map(({ length }) => length),
    [12, 12],
  );
  assert.notDeepEqual(lists[0], lists[1]);
});

test("a reload remembers what was agreed to, read and learnt", async () => {
  await agree();
  const first = await read("science");
  await read("science");
  await page.reload();
  await page.locator("#stories").waitFor();
  assert.equal(await page.locator("demo-consent button").count(), 0);
  assert.ok(!(await titles()).includes(first));
  const reasons = await page.locator(".why").allInnerTexts();
  assert.ok(reasons.some((reason) => reason.includes(first)));
});

test("the readout is measured, and both orders are plotted once they can be compared", async () => {
  await agree();
  for (let n = 0; n < 8; n++) await read("books");
  await page.locator(".plot canvas").waitFor();
  const figures = await page.locator(".figures dd").allInnerTexts();
  assert.match(figures[0] ?? "", /^[\d.]+ ms for 39\d stories/);
  assert.match(figures[1] ?? "", /^[\d.]+ ms a step, over \d+ steps$/);
  assert.match(figures[2] ?? "", /^[\d.]+ ms with learning$/);
  const words = (await page.locator(".plot").getAttribute("aria-label")) ?? "";
  assert.match(words, /the server’s order 0\.\d\d, between \d.*; yours 0\.\d\d, between/);
});

test("what it knows can be read, forgotten in parts and whole, and exported", async () => {
  await agree();
  const [one, other] = [await read("science"), await read("food")];
  await turn("knows");
  assert.match(await page.title(), /^What it knows about you/);
  const interests = page.locator("section[aria-labelledby=part-topic] li");
  assert.match(await interests.first().innerText(), /^(Science|Food & cooking)/);
  assert.deepEqual(
    (await page.locator(".recent li").allInnerTexts()).map((text) => text.split("\n")[0]?.trim()),
    [other, one],
  );
  const begins = () => page.locator(".begins li").allInnerTexts();
  const before = await begins();

  const download = page.waitForEvent("download") as Promise<Download>;
  await page.getByRole("button", { name: "Export" }).click();
  assert.equal((await download).suggestedFilename(), "privet-profile.cbor");

  await page.getByRole("button", { name: `Forget: ${one}` }).click();
  await said("knows", `Forgot “${one}”`);
  assert.notDeepEqual(await begins(), before, "what was forgotten does not count");
  assert.equal(await page.locator(".recent li").count(), 1);
  await page.getByRole("button", { name: "Forget: Food & cooking" }).click();
  await said("knows", "Forgot all about Food & cooking");
  assert.equal(await page.locator(".recent li").count(), 0);
  await turn("feed");
  await page.getByText("The server’s order. Open a story, and it becomes yours.").waitFor();

  await read("science");
  await turn("knows");
  await page.getByRole("button", { name: "Forget everything" }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("button", { name: "Forget everything" }).click();
  await page.getByRole("button", { name: "Erase" }).click();
  await said("knows", "Everything was erased.");
  await page.getByText("It knows nothing about you.").waitFor();
  await turn("feed");
  await page.getByText("Two questions before it learns").waitFor();
  assert.deepEqual(complaints, []);
});

test("consent can be taken back, and a pause holds", async () => {
  await agree();
  await read("money");
  await turn("knows");
  await page.getByRole("switch", { name: "Pause for now" }).check();
  await turn("feed");
  await page.getByText("Learning is paused; the order stays as it is.").waitFor();
  await page.locator(".story .title").nth(5).click();
  await said("feed", "It is not remembered: learning is paused.");
  await turn("knows");
  await page.getByRole("switch", { name: "Pause for now" }).uncheck();
  await page.getByRole("switch", { name: "Learn from what I open, like and hide" }).uncheck();
  await turn("feed");
  await page.getByText("The server’s order, the same for everybody.").waitFor();
});

/** Takes part, fills the round, and sees what comes of it; the steps that the page tells. */
async function fill(on = page): Promise<string[]> {
  await turn("round", on);
  await on.getByRole("button", { name: "Contribute from this device" }).click();
  await said("round", "This device’s upload is number 1 of the round.", on);
  await on.getByRole("button", { name: `Send in ${COHORT - 1} simulated devices` }).click();
  await said("round", `Round 1 closed over ${COHORT} uploads.`, on);
  return on.locator(".steps li").allInnerTexts();
}

test("a round is filled by simulated devices, closes, and its head is verified and used", async () => {
  await agree();
  await read("science");
  const puts: string[] = [];
  context.on("request", (request) => {
    if (request.method() === "PUT") puts.push(request.url());
  });
  const [own, counts, closed, head, used] = await fill();
  assert.match(own ?? "", /bytes, from \d+ examples?, for ρ 0.03125 of its budget/);
  assert.match(
    counts ?? "",
    new RegExp(`The counts agree\\s+1 before and ${COHORT - 1} sent; the server says ${COHORT}`),
  );
  assert.match(closed ?? "", /Round 1 closed/);
  assert.match(head ?? "", /[0-9a-f]{12} became [0-9a-f]{12}/);
  assert.match(used ?? "", /learnt anew from there in [\d.]+ ms/);
  assert.equal((await server.count("feed", 1)).count, COHORT, "and the server says so as well");
  assert.equal((await server.count("feed", 2)).count, 0);
  assert.equal(new Set(puts).size, puts.length);
  assert.ok((await page.locator(".squares span").count()) === COHORT - 1);
  await turn("left");
  await page.locator("privet-audit").getByText("1 upload left this device").waitFor();
  await page
    .locator("privet-audit")
    .getByText(/All \d+ requests of this page are explained/)
    .waitFor();
  const requests = page.locator("privet-audit table[data-name=requests] tbody tr");
  assert.equal(await requests.count(), 24, "the first of them");
  const every = page.locator("privet-audit .every");
  const all = Number(/\d+/.exec(await every.innerText())?.[0]);
  await every.click();
  await requests.nth(24).waitFor();
  assert.ok(
    all > 60 && (await requests.count()) >= all,
    "each simulated device asks for the round, the head, and uploads",
  );
  await turn("feed");
  await page.getByText("Your order, from one thing you chose.").waitFor();
  const gradients = await page.locator(".figures div", { hasText: "Gradients" }).innerText();
  assert.match(gradients, noGpu ? /no WebGPU here/ : /WebGPU/);
  assert.deepEqual(complaints, []);
});

test("without WebGPU it says so, and all of it works", async () => {
  const without = await launch({ gpu: false });
  try {
    const device = await without.newContext();
    const on = await device.newPage();
    const said = await openDemo(on, server.address);
    await on.getByText("no WebGPU here: the CPU computes, with the same results").waitFor();
    await agree(on);
    await read("science", on);
    assert.equal((await fill(on)).length, 5);
    await turn("knows", on);
    await on.locator(".recent li").waitFor();
    assert.deepEqual(said, []);
  } finally {
    await without.close();
  }
});
