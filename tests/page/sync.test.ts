// A Service Worker that contributes when the browser gives it time, without a page.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Browser } from "playwright-core";
import { launch, Server } from "../harness.ts";
import { AT_ONCE, browse, call, open, prepare, Site } from "./site.ts";

test("a periodic sync contributes under the page's consent and ledger, and not without", async () => {
  const site = await Site.make();
  const [server, browser] = [await Server.start(site.folder), await launch({ gpu: false })];
  try {
    const { leader: key } = (await (await fetch(`${server.address}/v1/identity`)).json()) as { leader: string };
    const options = {
      task: "demo",
      aggregators: { leader: { url: server.address, key } },
      policy: AT_ONCE,
      allowEvictable: true,
    };
    const worker = `import { onPeriodicSync } from "/index.js";
      import { serve } from "/service.js";
      onPeriodicSync({ ...${JSON.stringify(options)}, backend: "scalar", worker: serve });`;
    await writeFile(join(site.folder, "sw.js"), worker);
    const counted = async (wanted: number) => {
      for (let n = 0; n < 80 && (await server.count()).count < wanted; n++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return (await server.count()).count;
    };

    const first = await registered(browser, server);
    await first.sync("privet");
    await first.page.waitForTimeout(1000);
    assert.equal(await counted(0), 0, "nobody has agreed");
    await open(first.page);
    await browse(first.page, [3, 3, 3]);
    await first.sync("privet");
    assert.equal(await counted(1), 1, "it goes through the page that leads");

    // A round takes one upload of a device: this is another one.
    const second = await registered(browser, server);
    await open(second.page);
    await call(second.page, "close");
    await second.sync("another");
    await second.sync("privet");
    assert.equal(await counted(2), 2, "it leads where no page does");
    await open(second.page, {}, null);
    assert.equal((await call<{ rhoSpent: number }>(second.page, "status")).rhoSpent, 0.03125);
    assert.equal((await server.count()).count, 2, "a tag of somebody else is none of ours");
  } finally {
    await browser.close();
    await server.end();
    await site.end();
  }
});

/** A page of a device of its own whose Service Worker is there, and what gives that one time. */
async function registered(browser: Browser, server: Server) {
  const context = await browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  await page.goto(server.address);
  const session = await context.newCDPSession(page);
  const active = new Promise<string>((resolve) => {
    session.on("ServiceWorker.workerVersionUpdated", ({ versions }) => {
      const active = versions.find(({ status }) => status === "activated");
      if (active) resolve(active.registrationId);
    });
  });
  await session.send("ServiceWorker.enable");
  await page.evaluate(() => navigator.serviceWorker.register("/sw.js", { type: "module" }));
  const registrationId = await active;
  const sync = (tag: string) =>
    session.send("ServiceWorker.dispatchPeriodicSyncEvent", { origin: server.address, registrationId, tag });
  return { page, sync };
}
