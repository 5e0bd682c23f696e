// A browser without SIMD: it loads the other build of each module, and all works as ever.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Receipt, Status } from "../../web/ts/index.ts";
import { browse, call, open, order } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ mode: "split", browser: { simd: false }, path: null });

let asked: string[];

beforeEach(async () => {
  asked = [];
  on.context.on("request", (request) => asked.push(request.url().replace(on.server.address, "")));
  await on.page.goto(on.server.address);
});

const modules = () => [...new Set(asked.filter((path) => path.endsWith(".wasm")))].sort();

test("this browser refuses the modules that are built for SIMD, and takes the others", async () => {
  const taken = await on.page.evaluate(async () => {
    const files = ["rank", "release", "rank_scalar", "release_scalar"].map((name) => fetch(`/${name}_bg.wasm`));
    const bytes = await Promise.all(files.map(async (file) => (await file).arrayBuffer()));
    return bytes.map((bytes) => WebAssembly.validate(bytes));
  });
  assert.deepEqual(taken, [false, false, true, true]);
});

for (const worker of [undefined, "here"]) {
  test(`without SIMD it ranks, learns and contributes, ${worker ? "in the page's own thread" : "in its worker"}`, async () => {
    assert.equal(await open(on.page, { worker }), "open");
    await browse(on.page, [3, 3, 3]);
    assert.equal((await order(on.page))[0], "item-3");
    assert.deepEqual(modules().slice(0, 1), ["/rank_scalar_bg.wasm"]);
    const { count } = await call<Receipt>(on.page, "contribute");
    assert.equal(count, 1);
    assert.equal((await call<Status>(on.page, "status")).kernels, "scalar");
    assert.deepEqual(modules(), ["/rank_scalar_bg.wasm", "/release_scalar_bg.wasm"]);

    const { asks } = await call<{ asks: Record<string, string> }>(on.page, "audit.requests");
    const explained = Object.keys(asks).map((url) => new URL(url).pathname);
    assert.deepEqual(explained.filter((path) => path.endsWith(".wasm")).sort(), modules(), "the audit knows them");
  });
}

test("an application's own module is taken as it is, whatever the browser can run", async () => {
  assert.equal(await open(on.page, { wasm: "/rank_scalar_bg.wasm?own" }), "open");
  assert.ok(asked.includes("/rank_scalar_bg.wasm?own") && !asked.includes("/rank_scalar_bg.wasm"));
  const other = await on.tab();
  assert.equal(await open(other, { task: "other", wasm: "/rank_bg.wasm" }), "worker-failed");
});
