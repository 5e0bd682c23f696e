// A capture of a real browser's traffic, held against the device's own log by `privet audit --traffic`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { required } from "../harness.ts";
import { browse, call, open } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-traffic-"));
});
after(() => rm(folder, { recursive: true }));

/** What the command says of a visit in which a device contributes and the page does this besides. */
async function audited(name: string, besides: (address: string) => Promise<unknown>) {
  const [capture, log] = [join(folder, `${name}.har`), join(folder, `${name}.json`)];
  // A worker's requests are in a capture of the whole context alone.
  await on.fresh({ recordHar: { path: capture, content: "attach" } });
  await open(on.page);
  await browse(on.page, [1, 1]);
  await call(on.page, "contribute");
  await on.page.evaluate(besides, on.server.address);
  await writeFile(log, await call<string>(on.page, "audit.export"));
  await on.context.close();
  const { status, stdout, stderr } = spawnSync(
    required("PRIVET_SERVER"),
    ["audit", "--traffic", capture, "--log", log],
    {
      encoding: "utf8",
    },
  );
  return { status, said: stdout + stderr };
}

test("each byte of a visit that went to an aggregator is explained by the device's own log", async () => {
  const { status, said } = await audited("plain", async () => undefined);
  assert.match(said, /^ +1 bodies to an aggregator are the log's, byte for byte$/m);
  assert.match(said, /^ +0 things are unexplained/m);
  assert.equal(status, 0, said);
});

test("a page that says something of its own to the aggregator is found out: by a body, a header or an address", async () => {
  for (const [name, besides, says] of [
    [
      "body",
      (address: string) => fetch(`${address}/v1/clicks`, { method: "POST", body: "item 7" }).catch(() => undefined),
      "has a body that is not in the log",
    ],
    [
      "header",
      (address: string) => fetch(`${address}/v1/identity`, { headers: { "x-clicked": "7" } }).catch(() => undefined),
      "has a header `x-clicked`",
    ],
    ["address", (address: string) => fetch(`${address}/v1/identity?item=7`), "is nothing that a device asks"],
  ] as const) {
    const { status, said } = await audited(name, besides);
    assert.ok(said.includes(says), said);
    assert.equal(status, 1, name);
  }
});
