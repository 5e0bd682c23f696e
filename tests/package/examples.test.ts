// The example that a page begins with, run in Node out of the packed package, as it stands there. What follows `// ` after a
// `console.log` is what it prints. (The README's runs in a browser: tests/page/readme.test.ts.)

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { transform } from "esbuild";
import { blocksOf } from "../documents.ts";
import { required, Server } from "../harness.ts";

const PAGES = ["apps", "errors", "privacy", "ranking", "wire-format"].map((name) => `docs/${name}.md`);

let folder: string;
let server: Server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-examples-"));
  server = await Server.start(folder);
  const modules = join(folder, "node_modules");
  await mkdir(modules);
  execFileSync("tar", ["-xzf", required("PRIVET_TARBALL"), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "privet"));
  const { leader } = (await (await fetch(`${server.address}/v1/identity`)).json()) as { leader: string };
  const aggregators = { leader: { url: server.address, key: leader } };
  // What every application has of its own, and a page's `fetch`, which finds what lies beside a script.
  await writeFile(
    join(folder, "given.mjs"),
    `import { readFile } from "node:fs/promises";
    globalThis.aggregators = ${JSON.stringify(aggregators)};
    const { fetch } = globalThis;
    globalThis.fetch = async (address, init) => {
      if (!String(address).startsWith("file:")) return fetch(address, init);
      return new Response(await readFile(new URL(address)), { headers: { "content-type": "application/wasm" } });
    };`,
  );
});
after(async () => {
  await server.end();
  await rm(folder, { recursive: true });
});

for (const page of PAGES) {
  test(`the example of ${page} prints what it says`, async () => {
    const block = blocksOf(page).find(({ language }) => language === "ts");
    assert.ok(block);
    const said = [...block.code.matchAll(/console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map(([, text]) => text);
    assert.ok(said.length > 0, "it prints something");
    const { code } = await transform(block.code, { loader: "ts", format: "esm" });
    await rm(join(folder, "profile"), { recursive: true, force: true });
    await writeFile(join(folder, "example.mjs"), code);
    const args = ["--import", "./given.mjs", "example.mjs"];
    const printed = execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8", timeout: 60_000 }).trimEnd();
    if (said.every((text) => text !== undefined)) assert.equal(printed, said.join("\n"));
    else assert.ok(printed.length > 100, printed);
  });
}
