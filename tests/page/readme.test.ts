// The first block of the README, as it stands there: in a page, over a head that it makes itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { transform } from "esbuild";
import { createHead } from "../../web/ts/create_head.ts";
import { required } from "../harness.ts";
import { call } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();

test("it prints what the README says", async () => {
  const [, block = ""] = (await readFile("README.md", "utf8")).match(/^```ts\n([\s\S]*?)^```$/m) ?? [];
  const [, said] = block.match(/^console\.log\(.*\/\/ (.*)$/m) ?? [];
  const { code } = await transform(block.replace('"privet"', '"/index.js"').replace('"privet/head"', '"/head.js"'), {
    loader: "ts",
    format: "esm",
  });
  const printed = on.page.waitForEvent("console", { predicate: (message) => message.type() === "log" });
  const asked: string[] = [];
  on.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const body = `${code}\nglobalThis.personalizer = personalizer;`;
  await on.page.route("**/readme.js", (route) => route.fulfill({ contentType: "text/javascript", body }));
  const done = on.page.addScriptTag({ url: "/readme.js", type: "module" });
  assert.equal((await printed).text(), said);
  await done;
  assert.ok(!asked.some((path) => path.startsWith("/v1/")), `no server is asked for anything: ${asked.join(" ")}`);
  assert.equal((await call<{ profile: string }>(on.page, "status")).profile, "new");
});

test("its head is what the command makes of the same schema, byte for byte", async () => {
  const kind = (name: string, label: number, weight: number) => ({ name, label, weight, full: 0 });
  const kinds = [kind("impression", 0, 1), kind("click", 1, 1), kind("like", 1, 2), kind("dismiss", -1, 1)];
  const dense = [{ name: "hours", offset: 12, scale: 24 }];
  const attributes = [{ name: "topic", rate: 0.1, strength: 5 }];
  const local = { steps: 8, batch: 8, rate: 0.05, pull: 200, personal_rate: 0.1, personal_pull: 50 };
  const schema = { version: 1, embedding: 16, dense, attributes, kinds };
  const settings = { schema, kappa: 4, eta: 1, local, upload: { epochs: 1, rate: 1 }, facts: "" };
  const [from, to] = ["settings.json", "first.head"].map((name) => join(on.site.folder, name)) as [string, string];
  await writeFile(from, JSON.stringify(settings));
  execFileSync(required("PRIVET_SERVER"), ["head", "start", from, to, "--hidden", "16"]);
  const ours = createHead({ embedding: 16, dense, attributes: ["topic"] });
  assert.ok(readFileSync(to).equals(Buffer.from(ours)));
});
