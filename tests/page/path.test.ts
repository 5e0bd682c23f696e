// One datum, all the way: from a recorded click to the count that the server holds, by the package on a bare page.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Request } from "playwright-core";
import { launch, noGpu } from "../harness.ts";
import type { Receipt, Status } from "../../web/ts/index.ts";
import { AT_ONCE, browse, call, loaded, open, prepare } from "./site.ts";
import { stage } from "./stage.ts";

/** Nothing is waited for, and shaders compute wherever there are any. */
const POLICY = { ...AT_ONCE, sessions: 1 };
const OPTIONS = { policy: POLICY, backend: "webgpu" };

const on = stage({ mode: "split", browser: { gpu: !noGpu } });

type Sent = Omit<Receipt, "bytes"> & { bytes: number[] };
const contribute = (there = on.page) => call<Sent>(there, "contribute");
const spent = async (there = on.page) => (await call<{ rhoSpent: number }>(there, "status")).rhoSpent;

test("one click travels the whole path, on WebGPU", async () => {
  await open(on.page, OPTIONS);
  const sent: Request[] = [];
  on.page.on("request", (request) => sent.push(request));
  await browse(on.page, [3]);
  const { backend, examples, count, minCohort, bytes } = await contribute();
  assert.deepEqual([backend, examples, count, minCohort], [noGpu ? "simd" : "webgpu", 1, 1, 100]);
  assert.deepEqual(await on.server.count(), { round: 1, count: 1, min_cohort: 100 });

  const puts = sent.filter((request) => request.method() === "PUT");
  assert.equal(puts.length, 1, "one real request");
  assert.match(puts[0]?.url() ?? "", /\/v1\/tasks\/demo\/rounds\/1\/uploads\/[0-9a-f]{32}$/);
  assert.deepEqual([...(puts[0]?.postDataBuffer() ?? [])], bytes, "the bytes of the receipt are those that were sent");
});

test("without WebGPU the path is the same, on the CPU", async () => {
  const without = await launch({ gpu: false });
  try {
    const device = await without.newContext();
    await prepare(device);
    const there = await device.newPage();
    await there.goto(on.server.address);
    await open(there, OPTIONS);
    await browse(there, [3]);
    const { backend, examples, count } = await contribute(there);
    assert.deepEqual([backend, examples, count], ["simd", 1, 1]);
    assert.equal((await call<Status>(there, "status")).shaders, "no-adapter", "and why is said");
  } finally {
    await without.close();
  }
});

test("a contribution without anything new sends a noised zero of the same size", async () => {
  await open(on.page, OPTIONS);
  const nothing = await contribute();
  const device = await on.browser.newContext();
  await prepare(device);
  const there = await device.newPage();
  await there.goto(on.server.address);
  await open(there, OPTIONS);
  await browse(there, [3]);
  const something = await contribute(there);
  await device.close();
  assert.deepEqual([nothing.examples, something.examples], [0, 1]);
  assert.equal(nothing.bytes.length, something.bytes.length);
  assert.equal((await on.server.count()).count, 2);
});

test("the ledger outlives a reload, and two tabs share it", async () => {
  await open(on.page, OPTIONS);
  await contribute();
  const other = await on.tab();
  await open(other, OPTIONS);
  assert.deepEqual([await spent(), await spent(other)], [0.03125, 0.03125]);
  assert.deepEqual(await Promise.all([contribute(), contribute(other)]), ["round-contributed", "round-contributed"]);
  await on.page.reload();
  await open(on.page, OPTIONS, null);
  assert.equal(await spent(), 0.03125);
  assert.equal((await on.server.count()).count, 1);
});

test("the lifetime budget refuses for good", async () => {
  const small = { ...OPTIONS, policy: { ...OPTIONS.policy, lifetimeRho: 0.03 } };
  await open(on.page, small);
  assert.equal(await contribute(), "budget-exhausted");
  await on.page.reload();
  await open(on.page, small, null);
  assert.equal(await contribute(), "budget-exhausted");
  assert.equal((await on.server.count()).count, 0, "nothing was sent");
});

test("a server that is down is said, and the same bytes go out when it is back", async () => {
  await open(on.page, OPTIONS);
  await browse(on.page, [3]);
  await loaded(on.page);
  const puts: Request[] = [];
  on.page.on("request", (request) => request.method() === "PUT" && puts.push(request));
  await on.page.route("**/uploads/*", (route) => route.abort());
  assert.equal(await contribute(), "server-unreachable");
  await on.page.unroute("**/uploads/*");
  await on.server.down();
  assert.equal(await contribute(), "server-unreachable");
  await on.server.up();
  await contribute();
  assert.equal(puts.length, 2);
  assert.deepEqual(puts[0]?.postDataBuffer(), puts[1]?.postDataBuffer());
  assert.equal(await spent(), 0.03125, "it was paid for once");
  assert.equal((await on.server.count()).count, 1);
});
