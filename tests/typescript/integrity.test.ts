import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test } from "node:test";
import { compiled, comparedScript, hashesOf } from "../../worker/integrity.ts";

/** The least module there is, and the same with a section that says nothing. */
const MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
const ALTERED = Uint8Array.of(...MODULE, 0, 2, 1, 120);
const SCRIPT = new TextEncoder().encode("export default 1;");
const sha256 = (bytes: Uint8Array) => `sha256-${createHash("sha256").update(bytes).digest("base64")}`;

const network = globalThis.fetch;
let asked: string[] = [];
let served: Uint8Array = MODULE;
let type = "application/wasm";

before(() => {
  globalThis.fetch = async (place) => {
    asked.push(String(place));
    return new Response(served as BodyInit, { headers: { "content-type": type } });
  };
  const hashes = { rank: `${sha256(MODULE)} ${sha256(SCRIPT)}`, release: sha256(MODULE), script: sha256(SCRIPT) };
  Object.assign(globalThis, { INTEGRITY: hashes });
});
after(() => {
  globalThis.fetch = network;
  Reflect.deleteProperty(globalThis, "INTEGRITY");
});

const altered = {
  code: "module-altered",
  message: /is not the file that this package was built with \(sha256-.*integrity/,
};

test("a module is compiled where its bytes are those of the package, of either build, and refused where they are not", async () => {
  for (type of ["application/wasm", "application/octet-stream"]) {
    served = MODULE;
    assert.ok((await compiled("https://site.test/rank_bg.wasm", hashesOf("rank"))) instanceof WebAssembly.Module);
    served = ALTERED;
    await assert.rejects(compiled("https://site.test/rank_bg.wasm", hashesOf("rank")), altered);
    assert.ok(await compiled("https://site.test/release_bg.wasm", hashesOf("release", { release: sha256(ALTERED) })));
    assert.ok(await compiled("https://site.test/release_bg.wasm", hashesOf("release", { release: false })));
    await assert.rejects(compiled("https://site.test/release_bg.wasm", hashesOf("release", { rank: false })), altered);
  }
});

test("what an application has compiled itself is taken as it is", async () => {
  const own = new WebAssembly.Module(ALTERED);
  assert.equal(await compiled(own, hashesOf("rank")), own);
});

test("the script is compared before it is imported, but where something may have rewritten it", async () => {
  const compare = (address: string, own?: Parameters<typeof comparedScript>[1]) =>
    comparedScript(new URL(address), own);
  served = SCRIPT;
  await compare("https://site.test/assets/release.js");
  served = MODULE;
  await assert.rejects(compare("https://site.test/assets/release.js"), altered);
  asked = [];
  for (const address of [
    "https://site.test/assets/release-1f3a.js",
    "https://site.test/_next/static/media/release.1f3a.js",
    "http://localhost:5173/node_modules/privet/dist/release.js",
    "http://127.0.0.1:8787/release.js",
    "http://[::1]:8787/release.js",
  ])
    await compare(address);
  await compare("https://site.test/assets/release.js", { script: false });
  assert.deepEqual(asked, []);
  await compare("https://site.test/assets/release-1f3a.js", { script: sha256(MODULE) });
  for (const address of ["https://site.test/assets/release-1f3a.js", "http://127.0.0.1:8787/release.js"])
    await assert.rejects(compare(address, { script: sha256(SCRIPT) }), altered);
});
