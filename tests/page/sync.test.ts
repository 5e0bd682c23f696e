// A Service Worker that contributes when the browser gives it time, without a page.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AT_ONCE, browse, call, open, prepare } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ path: null });

test("a periodic sync contributes under the page's consent and ledger, and not without", async () => {
  const { leader: key } = (await (await fetch(`${on.server.address}/v1/identity`)).json()) as { leader: string };
  const options = {
    task: "demo",
    aggregators: { leader: { url: on.server.address, key } },
    policy: AT_ONCE,
    allowEvictable: true,
  };
  const worker = `import { onPeriodicSync } from "/index.js";
    import { serve } from "/service.js";
    onPeriodicSync({ ...${JSON.stringify(options)}, backend: "scalar", worker: serve });`;
  await writeFile(join(on.site.folder, "sw.js"), worker);
  const counted = async (wanted: number) => {
    for (let n = 0; n < 80 && (await on.server.count()).count < wanted; n++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return (await on.server.count()).count;
  };

  const first = await registered();
  await first.sync("privet");
  await first.page.waitForTimeout(1000);
  assert.equal(await counted(0), 0, "nobody has agreed");
  await open(first.page);
  await browse(first.page, [3, 3, 3]);
  await first.sync("privet");
  assert.equal(await counted(1), 1, "it goes through the page that leads");

  // A round takes one upload of a device: this is another one.
  const second = await registered();
  await open(second.page);
  await call(second.page, "close");
  await second.sync("another");
  await second.sync("privet");
  assert.equal(await counted(2), 2, "it leads where no page does");
  await open(second.page, {}, null);
  assert.equal((await call<{ rhoSpent: number }>(second.page, "status")).rhoSpent, 0.03125);
  assert.equal((await on.server.count()).count, 2, "a tag of somebody else is none of ours");
});

/** A page of a device of its own whose Service Worker is there, and what gives that one time. */
async function registered() {
  const context = await on.browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  await page.goto(on.server.address);
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
    session.send("ServiceWorker.dispatchPeriodicSyncEvent", { origin: on.server.address, registrationId, tag });
  return { page, sync };
}
