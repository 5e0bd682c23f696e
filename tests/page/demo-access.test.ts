// The demo's page for whoever uses it without a mouse or without eyes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { demo, SECTIONS } from "./demo.ts";

const on = demo();
const open = () => on.visitor.open(on.server.address);

/** What a visitor can press, by what it is called; what stands behind a colon is which one. */
const kindOf = (name: string) => name.replace(/[:“].*$|\d+/gs, "").trim();

test("no control is dead: each that there is changes something", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await page.addInitScript(() => {
    let effects = 0;
    const happened = () => (effects += 1);
    Object.assign(globalThis, { effects: () => effects, print: happened });
    Object.defineProperty(navigator.clipboard, "writeText", { value: async () => void happened() });
    HTMLAnchorElement.prototype.click = happened;
    addEventListener("hashchange", happened);
    const observed = new WeakSet<Node>();
    const observe = (root: Node) => {
      if (observed.has(root)) return;
      observed.add(root);
      const options = { subtree: true, childList: true, characterData: true, attributes: true };
      new MutationObserver(happened).observe(root, options);
    };
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
      const root = attach.call(this, init);
      observe(root);
      return root;
    };
    observe(document);
  });
  await open();
  await visitor.button("Learn, but send nothing").click();
  await page.locator(".acts").first().waitFor();
  for (let n = 0; n < 8; n++) await visitor.read(n % 3);
  // These load the page anew; who walks all of the page follows them.
  const pressed = new Set(["by WebGPU", "Have both in turn"]);
  const effects = () => page.evaluate(() => (globalThis as unknown as { effects(): number }).effects());
  const controls = page.locator("main :is(button, summary, input, a[href]):visible, nav a");
  const last = ["Erase", "Forget everything", "Learn from what I open, like and hide"];
  const next = async () => {
    const all = await controls.evaluateAll((found) =>
      found.map((control) => {
        const { textContent, ariaLabel, ariaDisabled } = control;
        if (control.matches(".title")) return "A story";
        const label = (control as HTMLInputElement).labels?.[0]?.textContent;
        return ariaDisabled === "true" ? "" : (ariaLabel ?? label ?? textContent ?? "").replace(/\s+/g, " ").trim();
      }),
    );
    const fresh = (name: string) => name !== "" && !pressed.has(kindOf(name));
    const place = all.findIndex((name) => fresh(name) && !last.includes(name));
    const name = all[place >= 0 ? place : all.findIndex((name) => fresh(name) && name !== "Erase")];
    return name === undefined ? undefined : { name, at: controls.nth(all.indexOf(name)) };
  };
  for (const section of ["feed", "round", "left", "knows"] as const) {
    await page.goto(`${on.server.address}/#${section}`);
    await visitor.turn(section);
    if (section === "round") await page.locator("progress").waitFor();
    if (section === "left") await visitor.audit.locator(".every, .statement").first().waitFor();
    for (let control = await next(); control; control = await next()) {
      const { name, at } = control;
      pressed.add(kindOf(name));
      const before = await effects();
      const flips = (await at.getAttribute("aria-pressed")) !== null;
      await at.click();
      await page.waitForFunction(
        (before) => (globalThis as unknown as { effects(): number }).effects() > before,
        before,
      );
      if (flips) await at.click();
      await page.waitForFunction(() => !document.querySelector('[aria-disabled="true"]'));
      if (!page.url().endsWith(`#${section}`)) await visitor.turn(section);
    }
  }
  await visitor.button("Forget everything").click();
  await visitor.button("Erase").click();
  await visitor.said("knows", "Everything was erased.");
  await visitor.turn("feed");
  await visitor.button("Neither").click();
  await visitor.button("Let this feed learn").click();
  await page.locator(".asked-before").waitFor({ state: "detached" });
  for (const kind of [
    "Like",
    "Hide",
    "Undo",
    "Show more stories",
    "Let this device take part",
    "Print the record",
    "Copy as JSON",
  ])
    assert.ok(pressed.has(kind), `${kind}: ${[...pressed].join(", ")}`);
  assert.ok(pressed.size > 25, [...pressed].join(", "));
});

test("the keyboard alone is enough for all of it, and the focus is never lost", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  await page.keyboard.press("Tab");
  await visitor.focuses("Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "MAIN");
  await visitor.reach(/^Yes to both$/);
  await page.keyboard.press("Enter");
  await page.locator(".acts").first().waitFor();
  await visitor.focuses("A feed that learns, here");
  await visitor.reach(/^A thriller/);
  await page.keyboard.press("Enter");
  await visitor.said("feed", "Opened");
  await visitor.focuses(/^A thriller/);
  await visitor.reach(/^Like: A thriller/);
  await page.keyboard.press("Enter");
  await visitor.said("feed", "Liked");
  await visitor.focuses(/^A thriller/);
  await visitor.reach(/^Hide: /);
  await page.keyboard.press("Space");
  await visitor.said("feed", "Hid");
  await visitor.focuses(/./);

  await visitor.reach(/^What it knows$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await visitor.focuses("What it knows about you");
  await visitor.reach(/^Show all/);
  await page.keyboard.press("Enter");
  await visitor.focuses(/^Forget: /);
  await visitor.reach(/^Forget: A thriller/);
  await page.keyboard.press("Enter");
  await visitor.said("knows", "Forgot");
  await visitor.focuses(/./);
  await visitor.reach(/^Forget everything$/);
  await page.keyboard.press("Enter");
  await visitor.focuses("Erase");
  await visitor.reach(/^Keep$/);
  await page.keyboard.press("Enter");
  await visitor.focuses("Forget everything");

  await visitor.reach(/^A round$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await visitor.focuses(/^A round, from/);
  await visitor.reach(/^Send in/);
  await page.keyboard.press("Enter");
  await visitor.said("round", "Round 1 closed");
  await visitor.focuses(/^Send in/);
  await visitor.reach(/^Contribute from/);
  await page.keyboard.press("Enter");
  await visitor.said("round", "number 1 of the round");

  await visitor.reach(/^What left$/, "Shift+Tab");
  await page.keyboard.press("Enter");
  await visitor.audit.locator(".every").waitFor();
  await visitor.reach(/^Run it now$/);
  await page.keyboard.press("Enter");
  await visitor.audit.locator("canvas").waitFor();
  await visitor.focuses("Run again");
  await visitor.reach(/^Close$/);
  await page.keyboard.press("Enter");
  await visitor.focuses("Run it now");
  await visitor.reach(/^Show all \d+ requests$/);
  await page.keyboard.press("Enter");
  await visitor.audit.locator("[data-name=requests] tr:nth-child(25)").waitFor();
  await visitor.focuses(/./);
});

test("who listens finds landmarks, one heading above each section, and is told what happens", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  for (const landmark of ["banner", "navigation", "main", "contentinfo", "complementary"] as const)
    assert.equal(await page.getByRole(landmark).count(), 1, landmark);
  await visitor.agree();
  for (const name of SECTIONS) {
    await visitor.turn(name);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, name);
    const title = await page.locator(`#${name} h1`).innerText();
    assert.equal(await page.getByRole("region", { name: title, exact: true }).count(), 1, "a region by its title");
    await page.locator(`#${name} [role=status]`).first().waitFor({ state: "attached" });
  }
  for (const plot of await page.locator(".plot").all()) assert.ok(await plot.getAttribute("aria-label"));
});

test("axe finds no serious fault in any section, in either theme", async () => {
  const { visitor } = on;
  const { page } = visitor;
  await open();
  const check = async (where: string) => assert.deepEqual(await visitor.faults(), [], where);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const name of SECTIONS) {
      await visitor.turn(name);
      if (name === "round") await page.getByText(/Round \d is open/).waitFor();
      await check(`${name}, ${colorScheme}, at first`);
    }
    await visitor.turn("feed");
    if (colorScheme === "light") await visitor.agree();
    for (let n = 0; n < 8; n++) await visitor.read(n % 3);
    await visitor.button("Scores").click();
    await check(`feed with scores, ${colorScheme}`);
    await visitor.button("Side by side").click();
    await check(`both orders, ${colorScheme}`);
    await visitor.button("Side by side").click();
    await visitor.button("Scores").click();
    await visitor.turn("knows");
    await page.locator(".recent").waitFor();
    await visitor.button("Forget everything").click();
    await check(`knows, ${colorScheme}`);
    await visitor.button("Keep").click();
    await visitor.turn("round");
    await visitor.button(/^Send in/).click();
    await page.locator(".steps").waitFor();
    await check(`round, ${colorScheme}`);
    await visitor.turn("left");
    await check(`left, ${colorScheme}`);
  }
});
