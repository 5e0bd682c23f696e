// Pictures of the page at both widths and in both themes, before and after a contribution, for a person to look at.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { launch, open, required, Server } from "./harness.ts";

const folder = required("PRIVET_SCREENSHOTS");
await mkdir(folder, { recursive: true });
const [server, browser] = await Promise.all([Server.start(undefined, "split"), launch()]);
try {
  for (const width of [360, 1440]) {
    for (const colorScheme of ["light", "dark"] as const) {
      const context = await browser.newContext({
        viewport: { width, height: 900 },
        colorScheme,
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      await open(page, server.address);
      const picture = (name: string) =>
        page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      await picture("start");
      for (const story of ["story-11", "story-1"]) {
        await page.click(`#${story} button`);
        await page.locator("#walk:enabled").waitFor();
      }
      await page.click("#walk");
      await page.locator("#stage-aggregate.done").waitFor();
      await page.locator("#walk:enabled").waitFor();
      await page.click("summary");
      await picture("contributed");
      await server.down();
      await page.click("#contribute");
      await page.locator("#trouble:visible").waitFor();
      await picture("trouble");
      await server.up();
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.end();
}
