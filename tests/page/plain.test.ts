// Places that lack something: plain http, where nothing is that needs a secure context, and a package on another origin.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Personalizer } from "../../web/ts/index.ts";
import { browse, call, DIST, open, order } from "./site.ts";
import { stage } from "./stage.ts";

// Another name for the same machine, which is no secure one.
const flags = ["--host-resolver-rules=MAP plain.test 127.0.0.1"];
const on = stage({ shared: "server", browser: { flags }, path: null });

for (const worker of [undefined, "here"]) {
  test(`on plain http it works in memory and says why, ${worker ? "in the page's thread" : "in a worker"}`, async () => {
    const { page } = on;
    await page.goto(on.server.address.replace("127.0.0.1", "plain.test"));
    assert.equal(await page.evaluate(() => isSecureContext), false);
    assert.equal(await open(page, { worker }), "open");
    await browse(page, [3, 3, 3]);
    assert.equal((await order(page))[0], "item-3");
    const status = await call<{ storage: string; because: string; events: number }>(page, "status");
    assert.deepEqual([status.storage, status.events], ["memory", 7]);
    assert.match(status.because, /^this page is not served over https: nothing is kept/);
    assert.equal(await call(page, "contribute"), "storage-unavailable");
    await call(page, "close");
  });
}

test("from another origin it starts its worker from here", async () => {
  const types: Record<string, string> = { js: "text/javascript", wasm: "application/wasm" };
  const cdn = createServer(async (request, response) => {
    const name = (request.url ?? "").slice(1);
    const headers = { "access-control-allow-origin": "*", "content-type": types[name.split(".").pop() ?? ""] ?? "" };
    response.writeHead(200, headers).end(await readFile(join(DIST, name)).catch(() => ""));
  }).listen(0, "127.0.0.1");
  await once(cdn, "listening");
  // The server's own pages allow scripts of their own alone: this one is an application's.
  const shop = createServer(async (request, response) => {
    const path = request.url ?? "/";
    if (!path.startsWith("/v1/"))
      return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
    const reply = await fetch(on.server.address + path);
    return response.writeHead(reply.status).end(Buffer.from(await reply.arrayBuffer()));
  }).listen(0, "127.0.0.1");
  await once(shop, "listening");
  const at = (it: typeof cdn) => `http://127.0.0.1:${(it.address() as AddressInfo).port}`;
  const { page } = on;
  try {
    await page.goto(at(shop));
    const seen = await page.evaluate(async (from) => {
      const { createPersonalizer } = await import(`${from}/index.js`);
      const { leader: key } = await (await fetch("/v1/identity")).json();
      try {
        const personalizer: Personalizer = await createPersonalizer({
          task: "demo",
          aggregators: { leader: { url: "/", key } },
          schedule: "manual",
        });
        const { personalise } = await personalizer.consent({ personalise: true });
        return [personalise, (await personalizer.audit.statement()).length > 100];
      } catch (error) {
        return [String(error)];
      }
    }, at(cdn));
    assert.deepEqual(seen, [true, true]);
  } finally {
    // What a browser keeps open keeps a server from ending.
    await on.context.close();
    cdn.close();
    shop.close();
  }
});
