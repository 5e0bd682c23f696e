// Pictures of every section of the demo, at both widths and in both themes, for a person to look at.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { launch, openDemo, required, serveDemo, type Server } from "./harness.ts";

const folder = required("PRIVET_SCREENSHOTS");
await mkdir(folder, { recursive: true });
const browser = await launch();
let server: Server | undefined;

/** Chooses what a visitor might, until both orders can be compared. */
async function choose(page: Page): Promise<void> {
  await page.click("demo-consent .primary");
  for (const topic of ["science", "music", "science", "books", "science", "science", "music", "science"]) {
    const shut = ".title[aria-expanded=false]";
    const ofTopic = page.locator(`.story[data-topic=${topic}] ${shut}`).first();
    const title = (await ofTopic.count()) ? ofTopic : page.locator(shut).first();
    const name = await title.innerText();
    await title.click();
    await page.locator("demo-feed .said", { hasText: name }).waitFor();
  }
  await page.locator(".story .acts button").nth(2).click();
  await page.locator(".liked").first().waitFor();
}

try {
  for (const width of [360, 1440]) {
    for (const colorScheme of ["light", "dark"] as const) {
      server = await serveDemo();
      const viewport = { width, height: width === 360 ? 740 : 900 };
      const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const picture = async (name: string, whole = true) => {
        await page.evaluate(() => scrollTo(0, 0));
        await page.waitForTimeout(300);
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: whole });
      };
      const turn = (name: string) => page.click(`nav a[href="#${name}"]`);
      await openDemo(page, server.address);
      await picture("feed-first");
      await choose(page);
      await page.mouse.move(0, 0);
      await picture("feed");
      if (width === 1440 && colorScheme === "light") await picture("readme", false);
      await page.getByRole("button", { name: "Scores" }).click();
      await picture("feed-scores");
      await page.getByRole("button", { name: "Side by side" }).click();
      await picture("feed-both");
      await turn("knows");
      await picture("knows");
      await turn("left");
      await page.getByRole("button", { name: "Run it now" }).click();
      await page.locator("privet-dry-run canvas").waitFor();
      await picture("left-first");
      await turn("round");
      await page.getByRole("button", { name: "Contribute from this device" }).click();
      await page.locator(".steps").waitFor();
      await picture("round");
      await page.click("demo-round .primary");
      await page.locator(".steps li:nth-child(5)").waitFor();
      await picture("round-closed");
      await turn("left");
      await page.getByText(/All \d+ requests of this page are explained/).waitFor();
      await picture("left");
      for (const part of await page.locator(".unfolded summary").all()) await part.click();
      await picture("left-unfolded");
      await page.emulateMedia({ media: "print" });
      await picture("record");
      await page.emulateMedia({ media: "screen" });
      await turn("round");
      await server.down();
      await page.getByRole("button", { name: "Contribute from this device" }).click();
      await page.locator(".notice").waitFor();
      await picture("trouble");
      await context.close();
      await server.end();
      server = undefined;
    }
  }
} finally {
  await browser.close();
  await server?.end();
}
