// What a visitor of the demo does, on real servers and in a real browser.

import { readFile } from "node:fs/promises";
import { beforeEach } from "node:test";
import type { Page } from "playwright-core";
import { DEMO_TASKS, noGpu, openDemo } from "../harness.ts";
import { type Stage, stage } from "./stage.ts";

export const SECTIONS = ["feed", "knows", "left", "round"] as const;

/** The least cohort in `demo/task/tasks.toml`. */
export const COHORT = 32;

const AXE = new URL(import.meta.resolve("axe-core/axe.min.js"));

/** What a file of tests stands on, and the demo's visitor of each. */
export interface Demo extends Stage {
  visitor: Visitor;
}

/** Sets all of it up, and takes it down; the visitor was never here and has not opened the page yet. */
export function demo(): Demo {
  const on = stage({
    pages: "built",
    mode: "split",
    flags: ["--tasks", DEMO_TASKS],
    browser: { gpu: !noGpu },
    device: { reducedMotion: "reduce" },
    path: null,
  }) as Demo;
  beforeEach(() => {
    on.visitor = new Visitor(on.page);
  });
  return on;
}

export class Visitor {
  readonly page: Page;
  /** What the page complained of. */
  complaints: string[] = [];

  constructor(page: Page) {
    this.page = page;
  }

  async open(address: string): Promise<void> {
    this.complaints = await openDemo(this.page, address);
  }

  button(name: string | RegExp) {
    return this.page.getByRole("button", { name });
  }

  get audit() {
    return this.page.locator("privet-audit");
  }

  async agree(): Promise<void> {
    await this.button("Yes to both").click();
    await this.page.locator(".acts").first().waitFor();
  }

  /** Has both orders shown in turn, which the page does for those alone who ask. */
  async compare(): Promise<void> {
    await this.page.locator("demo-readout a[href*=compare]").click();
    await this.page.waitForURL(/[?&]compare/);
    await this.page.locator(".acts").first().waitFor();
  }

  /** The page turns a moment after the click: it hears of the address then. */
  async turn(name: (typeof SECTIONS)[number]): Promise<void> {
    await this.page.click(`nav a[href="#${name}"]`);
    await this.page.locator(`nav a[href="#${name}"][aria-current=page]`).waitFor();
  }

  /** Waits until a section says so. */
  said(section: string, text: string | RegExp): Promise<void> {
    return this.page.locator(`demo-${section} .said`, { hasText: text }).waitFor();
  }

  titles(): Promise<string[]> {
    return this.page.locator(".story .title").allInnerTexts();
  }

  /** Opens the first story that is not open, of a topic where one is named, or the one so many places below. */
  async read(which: string | number = 0): Promise<string> {
    const [topic, place] = typeof which === "string" ? [`[data-topic=${which}]`, 0] : ["", which];
    const title = this.page.locator(`.story${topic} .title[aria-expanded=false]`).nth(place);
    const name = await title.innerText();
    await title.click();
    await this.said("feed", `Opened “${name}”`);
    return name;
  }

  /** Sends this device's upload for the open round, of which nobody has sent one. */
  async contribute(): Promise<void> {
    await this.turn("round");
    await this.button("Contribute from this device").click();
    await this.said("round", "This device’s upload is number 1 of the round.");
  }

  /** Fills the round that this device took part in; the steps that the page tells of it. */
  async fill(): Promise<string[]> {
    await this.button(`Send in ${COHORT - 1} simulated devices`).click();
    await this.said("round", `Round 1 closed over ${COHORT} uploads.`);
    return this.page.locator(".steps li").allInnerTexts();
  }

  /** What axe finds serious on what is shown. */
  async faults(): Promise<{ id: string; at: string[] }[]> {
    // Not as a script of the page, which its policy would refuse.
    const found = await this.page.evaluate(`${await readFile(AXE, "utf8")}; axe.run().then(({ violations }) =>
      violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map(({ target }) => target.join(" ")) })))`);
    return (found as { id: string; impact: string; at: string[] }[])
      .filter(({ impact }) => ["serious", "critical"].includes(impact))
      .map(({ id, at }) => ({ id, at }));
  }

  /** What has the focus, by its label or its text, in the section on what left, too. */
  focused(): Promise<string> {
    return this.page.evaluate(() => {
      let at: Element | null = document.activeElement;
      while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      if (at === document.body) return "";
      return (at?.getAttribute("aria-label") ?? at?.textContent ?? "").replace(/\s+/g, " ").trim();
    });
  }

  /** Waits until that has it. */
  async focuses(what: RegExp | string): Promise<void> {
    let at = "";
    for (let tries = 0; tries < 200; tries++) {
      at = await this.focused();
      if (typeof what === "string" ? at === what : what.test(at)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${what} has not the focus, but ${at || "nothing"}`);
  }

  /** Goes from one thing to the next until it is reached. */
  async reach(what: RegExp, key = "Tab"): Promise<void> {
    const met: string[] = [];
    for (let n = 0; n < 60; n++) {
      await this.page.keyboard.press(key);
      met.push(await this.focused());
      if (what.test(met.at(-1) ?? "")) return;
    }
    throw new Error(`${what} is not reached: ${met.join(" | ")}`);
  }
}
