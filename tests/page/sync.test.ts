// A Service Worker that contributes when the browser gives it time, without a page.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launch, Server } from "../harness.ts";
import { AT_ONCE, browse, call, open, prepare, Site } from "./site.ts";

test("a periodic sync contributes under the page's consent and ledger, and not without", async () => {
  const site = await Site.make();
  const [server, browser] = [await Server.start(site.folder), await launch({ gpu: false })];
  try {
    const { leader: key } = (await (await fetch(`${server.address}/v1/identity`)).json()) as { leader: string };
    const options = { task: "demo", aggregators: { leader: { url: server.address, key } }, policy: AT_ONCE };
    const worker = `import { onPeriodicSync } from "/index.js";
      import { serve } from "/worker.js";
      onPeriodicSync({ ...${JSON.stringify(options)}, backend: "scalar", worker: serve });`;
    await writeFile(join(site.folder, "sw.js"), worker);
    const context = await browser.newContext();
    await prepare(context);
    const page = await context.newPage();
    await page.goto(server.address);
    const session = await context.newCDPSession(page);
    const registered = new Promise<string>((resolve) => {
      session.on("ServiceWorker.workerVersionUpdated", ({ versions }) => {
        const active = versions.find(({ status }) => status === "activated");
        if (active) resolve(active.registrationId);
      });
    });
    await session.send("ServiceWorker.enable");
    await page.evaluate(() => navigator.serviceWorker.register("/sw.js", { type: "module" }));
    const registrationId = await registered;
    const sync = (tag: string) =>
      session.send("ServiceWorker.dispatchPeriodicSyncEvent", { origin: server.address, registrationId, tag });
    const counted = async (wanted: number) => {
      for (let n = 0; n < 50 && (await server.count()).count < wanted; n++) await page.waitForTimeout(100);
      return (await server.count()).count;
    };

    await sync("privet");
    await page.waitForTimeout(1000);
    assert.equal(await counted(0), 0, "nobody has agreed");
    await open(page);
    await browse(page, [3, 3, 3]);
    await sync("privet");
    assert.equal(await counted(1), 1, "it goes through the page that leads");
    await call(page, "close");
    await sync("another");
    await sync("privet");
    assert.equal(await counted(2), 2, "it leads where no page does");
    await open(page, {}, null);
    assert.equal((await call<{ rhoSpent: number }>(page, "status")).rhoSpent, 0.0625);
    assert.equal((await server.count()).count, 2, "a tag of somebody else is none of ours");
  } finally {
    await browser.close();
    await server.end();
    await site.end();
  }
});
