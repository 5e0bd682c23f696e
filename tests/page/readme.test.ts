// The first block of the README, as it stands there: in a page, over a head that it makes itself.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { transform } from "esbuild";
import { call } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage();

test("it prints what the README says", async () => {
  const [, block = ""] = (await readFile("README.md", "utf8")).match(/^```ts\n([\s\S]*?)^```$/m) ?? [];
  const [, said] = block.match(/^console\.log\(.*\/\/ (.*)$/m) ?? [];
  const { code } = await transform(block.replace('"privet"', '"/index.js"'), { loader: "ts", format: "esm" });
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
