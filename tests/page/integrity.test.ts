// What a page loads of the package is what was built: a file that somebody changed on its way is refused.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Entry } from "../../web/ts/index.ts";
import { call, DIST, open } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ mode: "split" });

const sha256 = (bytes: Uint8Array) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;

/** Serves a module with a section more, which changes nothing of what it does. */
async function altered(name: string): Promise<string> {
  const body = Buffer.concat([await readFile(join(DIST, name)), Buffer.of(0, 2, 1, 120)]);
  await on.page.route(`**/${name}`, (route) => route.fulfill({ contentType: "application/wasm", body }));
  return sha256(body);
}

test("the hashes in the package are those of the files beside it", async () => {
  const files = await Promise.all(
    ["rank_bg.wasm", "rank_scalar_bg.wasm", "release_bg.wasm", "release_scalar_bg.wasm", "release.js"].map((name) =>
      readFile(join(DIST, name)),
    ),
  );
  for (const name of ["worker.js", "service.js"]) {
    const script = await readFile(join(DIST, name), "utf8");
    for (const file of files) assert.ok(script.includes(sha256(file)), name);
  }
});

test("a module that ranks and is another one is refused, unless the application names its hash", async () => {
  const hash = await altered("rank_bg.wasm");
  assert.equal(await open(on.page), "module-altered");
  assert.equal(await open(on.page, { integrity: { release: hash } }), "module-altered");
  assert.equal(await open(on.page, { integrity: { rank: hash } }), "open");
});

test("a module that releases and is another one releases nothing", async () => {
  await altered("release_bg.wasm");
  assert.equal(await open(on.page), "open");
  assert.equal(await call(on.page, "contribute"), "module-altered");
  assert.equal((await on.server.count()).count, 0);
  await call(on.page, "close");
  assert.equal(await open(on.page, { integrity: { release: false } }), "open");
  assert.deepEqual(await call<Entry[]>(on.page, "audit.ledger"), [], "nothing was debited");
});

test("a script of the module that releases that is another one is not run", async () => {
  const script = sha256(await readFile(join(DIST, "release.js")));
  await open(on.page, { integrity: { script } });
  assert.match(await call<string>(on.page, "audit.statement"), /What leaves/);
  await call(on.page, "close");
  await on.page.route("**/release.js", async (route) => {
    const body = `globalThis.ran = true;${await readFile(join(DIST, "release.js"), "utf8")}`;
    await route.fulfill({ contentType: "text/javascript", body });
  });
  await open(on.page, { integrity: { script }, worker: "here" });
  assert.equal(await call(on.page, "contribute"), "module-altered");
  assert.equal(await on.page.evaluate(() => "ran" in globalThis), false);
});
