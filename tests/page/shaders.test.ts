// WebGPU, never trusted and never fatal: whatever goes wrong with it, and whenever, the device goes on by SIMD from the last
// whole step, and says why.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Receipt, Status } from "../../web/ts/index.ts";
import { noGpu } from "../harness.ts";
import { call, type Global, loaded, meddle, open } from "./site.ts";
import { stage } from "./stage.ts";

const EVENTS = 30;
/** What the demo's head has an event earn. */
const STEPS = 8 * EVENTS;

const on = stage({ browser: { gpu: !noGpu } });

/** A device that was never here, with a script before every other of its page. */
const fresh = (script: string) => on.fresh({ script });

const status = () => call<Status>(on.page, "status");

/** Clicks on so many items one after the other, each over another one, and learns all of it; the scores of many items then. */
const learnt = () =>
  on.page
    .evaluate(async (events) => {
      const { personalizer } = globalThis as unknown as Global;
      const item = (n: number) => ({
        id: `thing-${n}`,
        score: 0,
        embedding: Array.from({ length: 16 }, (_, i) => Math.sin(n * 1.7 + i * (1 + n / 7))),
      });
      for (let n = 0; n < events; n++) {
        // Not out of a slate: how far it has learnt by then must not matter.
        await personalizer.record({ kind: "impression", item: item(2 * n) });
        await personalizer.record({ kind: "click", item: item(2 * n + 1) });
      }
      while (await personalizer.train({ maxMs: 50 }));
    }, EVENTS)
    .then(ranked);

/** The scores of many items. */
const ranked = () =>
  on.page.evaluate(async () => {
    const { personalizer } = globalThis as unknown as Global;
    const item = (n: number) => ({
      id: `thing-${n}`,
      score: 0,
      embedding: Array.from({ length: 16 }, (_, i) => Math.sin(n * 1.7 + i * (1 + n / 7))),
    });
    const many = Array.from({ length: 40 }, (_, n) => item(1000 + n));
    const { items, scores } = await personalizer.rerank(many, { explain: true });
    const of = new Map(
      items.map(({ id }, place) => [id, (scores[place]?.shared ?? 0) + (scores[place]?.personal ?? 0)]),
    );
    return { order: items.map(({ id }) => id), scores: many.map(({ id }) => of.get(id) ?? Number.NaN) };
  });

type Learnt = Awaited<ReturnType<typeof ranked>>;

function assertSame(ours: Learnt, other: Learnt): void {
  assert.deepEqual(ours.order, other.order);
  for (const [n, score] of ours.scores.entries()) {
    assert.ok(Math.abs(score - other.scores[n]!) < 1e-3, `${n}: ${score} ${other.scores[n]}`);
  }
}

/** What a device learns whose application wants no shaders. */
async function bySimd(): Promise<Learnt> {
  await on.fresh();
  await open(on.page, { worker: "here", backend: "simd" });
  const wanted = await learnt();
  const { shaders, backend, steps } = await status();
  assert.deepEqual([shaders, backend, steps], [undefined, "simd", STEPS]);
  await on.fresh();
  return wanted;
}

/** Submissions are counted; at the given one this happens, in its stead or after it. */
const atSubmission = (which: number, fault: string) => `{
  let count = 0;
  globalThis.mapped = () => count >= ${which};
  const submit = GPUQueue.prototype.submit;
  const request = GPUAdapter.prototype.requestDevice;
  let device;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    return (device = await request.apply(this, args));
  };
  GPUQueue.prototype.submit = function (...args) {
    count += 1;
    if (count === ${which}) { ${fault} }
    return submit.apply(this, args);
  };
}`;

const spoilt = `
  const range = GPUBuffer.prototype.getMappedRange;
  GPUBuffer.prototype.getMappedRange = function (...args) {
    const bytes = range.apply(this, args);
    if (globalThis.mapped?.() ?? true) {
      const numbers = new Float32Array(bytes);
      numbers.forEach((number, place) => (numbers[place] = 1.1 * number + 0.01));
    }
    return bytes;
  };
`;
/** After a submission it is asked whether anything was refused, and then whether there was room: the answer to one of these. */
const answered = (which: number, error: string) =>
  `let asked = 0;
  const pop = GPUDevice.prototype.popErrorScope;
  GPUDevice.prototype.popErrorScope = function () {
    const answer = pop.call(this);
    return (asked += 1) === ${which} ? Promise.resolve(new ${error}("no")) : answer;
  };`;
const [refusal, outOfMemory] = [answered(1, "GPUValidationError"), answered(2, "GPUOutOfMemoryError")];
/** Whatever else a browser tells of, while what it computes is right. */
const internal =
  'device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUInternalError("of its own") }));';
const refusedMapping = 'GPUBuffer.prototype.mapAsync = () => Promise.reject(new DOMException("no", "OperationError"));';
const hurry =
  "const wait = setTimeout; setTimeout = (call, ms, ...more) => wait(call, ms === 10000 ? 300 : ms, ...more);";
const neverMapped = "GPUBuffer.prototype.mapAsync = () => new Promise(() => undefined);";

/** Before anything was computed, and when some steps were taken: three submissions are the probe's. */
const FAULTS: [string, string, string][] = [
  ["there is no adapter", "no-adapter", "GPU.prototype.requestAdapter = async () => null;"],
  [
    "its adapter gives no device",
    "device-refused",
    'GPUAdapter.prototype.requestDevice = async () => { throw new DOMException("no", "OperationError"); };',
  ],
  [
    "a shader does not compile",
    "shader-refused",
    "const make = GPUDevice.prototype.createShaderModule;" +
      "GPUDevice.prototype.createShaderModule = function (it) { return make.call(this, { ...it, code: it.code + '}' }); };",
  ],
  ["it computes wrongly from the start", "wrong-numbers", spoilt],
  ["it begins to compute wrongly", "wrong-numbers", spoilt + atSubmission(6, "")],
  ["it is lost in the middle", "device-lost", atSubmission(6, "device.destroy();")],
  ["it is out of memory in the middle", "out-of-memory", atSubmission(6, outOfMemory)],
  ["it refuses what it is told in the middle", "gpu-failed", atSubmission(6, refusal)],
  ["it refuses to hand over what it computed", "gpu-failed", atSubmission(6, refusedMapping)],
  ["it never answers", "gpu-silent", hurry + neverMapped],
  ["it answers no more", "gpu-silent", hurry + atSubmission(6, neverMapped)],
];

for (const [what, code, script] of noGpu ? [] : FAULTS) {
  test(`${what}: SIMD goes on, no step is lost or taken twice, and ${code} is said`, async () => {
    const wanted = await bySimd();
    await fresh(script);
    assert.equal(await open(on.page, { worker: "here", backend: "webgpu" }), "open");
    assertSame(await learnt(), wanted);
    const { shaders, backend, steps, owed } = await status();
    assert.deepEqual([shaders, backend, steps, owed], [code, "simd", STEPS, 0]);
    assert.equal((await call<Receipt>(on.page, "contribute")).backend, "simd");
  });
}

test("forced to it, shaders take every step, to the same order", { skip: noGpu }, async () => {
  const wanted = await bySimd();
  await open(on.page, { backend: "webgpu" });
  assertSame(await learnt(), wanted);
  const { shaders, backend, steps, owed } = await status();
  assert.deepEqual([shaders, backend, steps, owed], ["in-use", "webgpu", STEPS, 0]);
  assert.equal((await call<Receipt>(on.page, "contribute")).backend, "webgpu");
});

test("an error of its own that a browser tells of ends nothing", { skip: noGpu }, async () => {
  const wanted = await bySimd();
  const said: string[] = [];
  await fresh(atSubmission(6, internal));
  on.page.on("pageerror", ({ message }) => said.push(message));
  await open(on.page, { worker: "here", backend: "webgpu" });
  assertSame(await learnt(), wanted);
  const { shaders, steps, owed } = await status();
  assert.deepEqual([shaders, steps, owed, said], ["in-use", STEPS, 0, []]);
});

test("a gradient whose GPU is lost under it is the CPU's, and paid once", { skip: noGpu }, async () => {
  await fresh(
    `globalThis.armed = false;
    const map = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = function (...args) {
      return armed ? Promise.reject(new DOMException("gone", "OperationError")) : map.apply(this, args);
    };`,
  );
  await open(on.page, { worker: "here", backend: "webgpu" });
  await learnt();
  await on.page.evaluate("armed = true");
  const { backend, examples, rho } = await call<Receipt>(on.page, "contribute");
  const { shaders, rhoSpent } = await status();
  assert.deepEqual([backend, shaders, rhoSpent], ["simd", "gpu-failed", rho]);
  assert.ok(examples > 0);
});

test("an order whose GPU is lost under it is SIMD's", { skip: noGpu }, async () => {
  const wanted = await bySimd();
  await fresh(spoilt.replace("globalThis.mapped?.() ?? true", "globalThis.armed"));
  await open(on.page, { worker: "here", backend: "webgpu" });
  await learnt();
  assert.equal((await status()).shaders, "in-use");
  await on.page.evaluate("armed = true");
  assertSame(await ranked(), wanted);
  assert.equal((await status()).shaders, "wrong-numbers");
});

test(
  "with a ledger that cannot be read shaders are left, and it learns and ranks all the same",
  { skip: noGpu },
  async () => {
    const wanted = await bySimd();
    await open(on.page, { worker: "here", backend: "webgpu" });
    await call(on.page, "contribute");
    await meddle(on.page, "ledger", "account", [1, 2, 3]);
    await on.page.reload();
    await open(on.page, { worker: "here", backend: "webgpu" }, null);
    assertSame(await learnt(), wanted);
    const { refused, steps, owed } = await status();
    assert.deepEqual([refused, steps, owed], ["ledger-damaged", STEPS, 0]);
  },
);

/** How often the page asked for an adapter, and for a device. */
const COUNTED = `
  globalThis.asked = [0, 0];
  const [request, open] = [GPU.prototype.requestAdapter, GPUAdapter.prototype.requestDevice];
  GPU.prototype.requestAdapter = function (...args) { asked[0] += 1; return request.apply(this, args); };
  GPUAdapter.prototype.requestDevice = function (...args) { asked[1] += 1; return open.apply(this, args); };
`;
const asked = () => on.page.evaluate(() => (globalThis as unknown as { asked: number[] }).asked);

/** Learns all of it again and again until it is known which way is quicker: meanwhile a GPU is opened, and SIMD goes on. */
async function learntUntilKnown(): Promise<Learnt> {
  for (let tries = 0; tries < 200 && (await status()).shaders === undefined; tries++) {
    await call(on.page, "forget", { item: "nothing" });
    while (await call<boolean>(on.page, "train", { maxMs: 50 }));
  }
  return ranked();
}

/** A clock that goes on when it is looked at, as it is after each of SIMD's steps, and by so much at each submission. */
const clock = (submissionMs: number) => `
  let time = 0;
  performance.now = () => (time += 40);
  const submit = GPUQueue.prototype.submit;
  GPUQueue.prototype.submit = function (...args) { time += ${submissionMs}; return submit.apply(this, args); };
`;
/** Quick ones give time back: others look at the clock meanwhile. */
const [QUICK, SLOW] = [clock(-1000), clock(10_000)];

test("with little to learn nothing of a GPU is asked for, whatever else is done", { skip: noGpu }, async () => {
  await fresh(COUNTED);
  await open(on.page, { worker: "here", backend: "auto" });
  await learnt();
  await call(on.page, "contribute");
  await call(on.page, "audit.preview");
  const { shaders, backend } = await status();
  assert.deepEqual([await asked(), shaders, backend], [[0, 0], undefined, "simd"]);
});

test(
  "with much to learn both are measured, the quicker one goes on, and the next session knows",
  { skip: noGpu },
  async () => {
    const wanted = await bySimd();
    for (const [clock, stand, backend] of [
      [SLOW, "slower", "simd"],
      [QUICK, "in-use", "webgpu"],
    ] as const) {
      await fresh(COUNTED + clock);
      await open(on.page, { worker: "here", backend: "auto" });
      assertSame(await learnt(), wanted);
      assertSame(await learntUntilKnown(), wanted);
      const { shaders, steps, ...rest } = await status();
      assert.deepEqual([shaders, rest.backend, steps % STEPS, rest.owed], [stand, backend, 0, 0]);
      const [adapters, devices] = await asked();
      assert.deepEqual([(adapters ?? 0) > 0, devices], [true, 1]);

      await on.page.reload();
      await open(on.page, { worker: "here", backend: "auto" }, null);
      await learntUntilKnown();
      assert.deepEqual([(await status()).shaders, (await asked())[1]], [stand, stand === "slower" ? 0 : 1]);
    }
  },
);

test("SIMD learns while a browser takes its time to give an adapter", { skip: noGpu }, async () => {
  const wanted = await bySimd();
  await fresh(`${QUICK}
    const [request, given] = [GPU.prototype.requestAdapter, new Promise((resolve) => (globalThis.give = resolve))];
    GPU.prototype.requestAdapter = async function (...args) {
      await given;
      return request.apply(this, args);
    };`);
  await open(on.page, { worker: "here", backend: "auto" });
  await loaded(on.page);
  assertSame(await learnt(), wanted);
  const { shaders, steps, owed } = await status();
  assert.deepEqual([shaders, steps, owed], [undefined, STEPS, 0]);
  await on.page.evaluate("give()");
  assertSame(await learntUntilKnown(), wanted);
  assert.equal((await status()).shaders, "in-use");
});

test("what was measured on another adapter or for another head says nothing", { skip: noGpu }, async () => {
  await fresh(
    `${COUNTED}${SLOW}Object.defineProperty(GPUAdapterInfo.prototype, "vendor", { get: () => localStorage["vendor"] ?? "one" });`,
  );
  await open(on.page, { worker: "here", backend: "auto" });
  await loaded(on.page);
  await learnt();
  await learntUntilKnown();
  assert.equal((await status()).shaders, "slower");
  await on.page.evaluate(() => (localStorage["vendor"] = "another"));
  await on.page.reload();
  await open(on.page, { worker: "here", backend: "auto" }, null);
  await loaded(on.page);
  await learntUntilKnown();
  assert.deepEqual([(await status()).shaders, (await asked())[1]], ["slower", 1], "it is measured again");
});
