// Calls over what carries messages, both ends: answers out of order, callers that give up, and an end that is gone.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { answering, type Asking, buffersOf, Caller, type Context, type Reply } from "../../worker/calls.ts";
import { codeOf, refusal, stillWanted } from "../../worker/refusal.ts";

const errorFrom = ({ code, message }: { code: string; message: string }) => refusal(code, message);

/** An asking end, and what it sent. */
function asking(lost?: () => void) {
  const sent: Asking[] = [];
  return { sent, caller: new Caller((message) => sent.push(message), errorFrom, lost) };
}

/** An answering end that has a call wait until it is let go; what it did, and what it posted. */
function answered(answer: (call: string, context: Context) => Promise<unknown>) {
  const posted: Reply[] = [];
  const take = answering(
    "tab",
    (call, _, context) => answer(call, context),
    (reply) => posted.push(reply),
  );
  return { posted, take };
}

const none = () => [];

test("answers in any order find their calls, and progress its listener", async () => {
  const { sent, caller } = asking();
  const progress: unknown[] = [];
  const first = caller.ask("train", () => [1], { onProgress: (part) => progress.push(part) });
  const second = caller.ask("status", none);
  assert.deepEqual(sent, [
    { id: 1, call: "train", args: [1] },
    { id: 2, call: "status", args: [] },
  ]);
  caller.settle({ id: 2, value: "second" });
  caller.settle({ id: 1, progress: 0.5 });
  caller.settle({ id: 1, failure: { code: "paused", message: "it is paused" } });
  caller.settle({ id: 1, progress: 0.9 });
  caller.settle({ id: 7, value: "nobody asked" });
  assert.equal(await second, "second");
  await assert.rejects(first, { code: "paused", message: "it is paused" });
  assert.deepEqual(progress, [0.5]);
});

test("who gives up is refused at once, and the other end is told by the name of the reason alone", async () => {
  const { sent, caller } = asking();
  for (const [reason, code] of [
    [new DOMException("a secret", "TimeoutError"), "timed-out"],
    ["a secret", "aborted"],
  ] as const) {
    const controller = new AbortController();
    const call = caller.ask("contribute", none, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, { code });
    const name = typeof reason === "string" ? undefined : reason.name;
    assert.deepEqual(sent.pop(), { id: sent.length, reason: { name } });
  }
  const { length } = sent;
  await assert.rejects(caller.ask("status", none, { signal: AbortSignal.abort() }), { code: "aborted" });
  assert.equal(sent.length, length, "who gave up before it began is not asked for");
});

test("a record that is given up is refused by the end that knows whether it was done", async () => {
  const { sent, caller } = asking();
  const controller = new AbortController();
  const call = caller.ask("record", none, { signal: controller.signal });
  controller.abort();
  assert.equal(await Promise.race([call, Promise.resolve("open")]), "open");
  assert.equal(sent.length, 2);
  caller.settle({ id: 1, value: true });
  assert.equal(await call, true, "it had been done by then");
});

test("after its answer nobody listens to a call's signal", async () => {
  const { sent, caller } = asking();
  const controller = new AbortController();
  const call = caller.ask("status", none, { signal: controller.signal });
  caller.settle({ id: 1, value: 1 });
  await call;
  controller.abort();
  assert.equal(sent.length, 1);
});

test("whatever has no answer is asked again in its order, with arguments that are made anew", async () => {
  const { sent, caller } = asking();
  let made = 0;
  const calls = ["rerank", "status", "record"].map((call) => caller.ask(call, () => [(made += 1)]));
  caller.settle({ id: 2, value: 0 });
  sent.length = 0;
  caller.resend();
  assert.deepEqual(sent, [
    { id: 1, call: "rerank", args: [4] },
    { id: 3, call: "record", args: [5] },
  ]);
  caller.refuse(refusal("closed", "it was closed"));
  assert.deepEqual(
    (await Promise.allSettled(calls)).map(({ status }) => status),
    ["rejected", "fulfilled", "rejected"],
  );
  assert.deepEqual(((sent.length = 0), caller.resend(), sent), []);
});

test("what has ended refuses what is under way and whatever comes later, for its first reason", async () => {
  const { sent, caller } = asking();
  const call = caller.ask("status", none);
  caller.end(refusal("closed", "first"));
  caller.end(refusal("worker-failed", "second"));
  for (const refused of [call, caller.ask("status", none)]) await assert.rejects(refused, { code: "closed" });
  assert.equal(sent.length, 1);
});

/** Lets seconds pass, as intervals count them. (Node's own mock does not end an interval out of its own call.) */
function seconds(t: TestContext): (count: number) => void {
  const ticking = new Set<() => void>();
  const begin = (work: () => void, ms: number) => (assert.equal(ms, 1000), ticking.add(work), work);
  t.mock.method(globalThis, "setInterval", begin as never);
  t.mock.method(globalThis, "clearInterval", ((work: () => void) => ticking.delete(work)) as never);
  return (count) => {
    for (let n = 0; n < count; n++) for (const work of [...ticking]) work();
  };
}

test("an end that says nothing is asked whether it is there, and is lost after so many seconds", async (t) => {
  const pass = seconds(t);
  let lost = 0;
  const { sent, caller } = asking(() => (lost += 1));
  const call = caller.ask("status", none);
  const pings = () => sent.filter((message) => "ping" in message).length;
  pass(2);
  assert.deepEqual([pings(), lost], [0, 0]);
  pass(1);
  assert.deepEqual([pings(), lost], [1, 0]);
  caller.settle({ pong: true });
  pass(9);
  assert.deepEqual([pings(), lost], [8, 0], "since it was heard of");
  pass(1);
  assert.deepEqual([pings(), lost], [8, 1]);
  pass(60);
  assert.deepEqual([pings(), lost], [8, 1], "it is told once");
  caller.settle({ id: 1, value: 1 });
  await call;
});

test("time to rest is no silence, and where nobody waits nobody is watched", async (t) => {
  const pass = seconds(t);
  let lost = 0;
  const { sent, caller } = asking(() => (lost += 1));
  const call = caller.ask("status", none);
  caller.rest(true);
  pass(100);
  assert.deepEqual([sent.length, lost], [1, 0]);
  caller.rest(false);
  pass(3);
  assert.deepEqual([sent.length, lost], [2, 0]);
  caller.settle({ id: 1, value: 1 });
  await call;
  pass(100);
  assert.deepEqual([sent.length, lost], [2, 0]);
});

test("a call is answered once, whoever sends it again, and by its tab and number", async () => {
  const marks: unknown[] = [];
  const { posted, take } = answered(async (call, { mark }) => {
    marks.push(mark);
    return call;
  });
  for (const id of [1, 3, 3, 2, 1]) await take({ id, call: "record", args: [] });
  assert.deepEqual(posted, [
    { id: 1, value: "record" },
    { id: 3, value: "record" },
  ]);
  assert.deepEqual(marks, [
    { tab: "tab", call: 1 },
    { tab: "tab", call: 3 },
  ]);
});

test("an answer's failure crosses by its code and message, and a fault without a code as the worker's", async () => {
  const { posted, take } = answered(async (call) => {
    throw call === "status"
      ? refusal("paused", "it is paused")
      : call === "rerank"
        ? new TypeError("a fault")
        : "thrown";
  });
  for (const [n, call] of ["status", "rerank", "train"].entries()) await take({ id: n + 1, call, args: [] });
  assert.deepEqual(posted, [
    { id: 1, failure: { code: "paused", message: "it is paused" } },
    { id: 2, failure: { code: "worker-failed", message: "a fault" } },
    { id: 3, failure: { code: "worker-failed", message: "thrown" } },
  ]);
});

test("whoever is told that its caller gave up hears it by its signal, and of no other call's", async () => {
  const signals = new Map<string, AbortSignal>();
  let go = () => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const { posted, take } = answered(async (call, { signal, onProgress }) => {
    signals.set(call, signal);
    onProgress("begun");
    await gate;
    stillWanted(signal);
    return call;
  });
  const both = [take({ id: 1, call: "train", args: [] }), take({ id: 2, call: "status", args: [] })];
  await take({ id: 1, reason: { name: "TimeoutError" } });
  await take({ id: 9, reason: { name: "AbortError" } });
  await take({ ping: true });
  assert.deepEqual([signals.get("train")?.aborted, signals.get("status")?.aborted], [true, false]);
  go();
  await Promise.all(both);
  assert.deepEqual(posted.slice(0, 3), [{ id: 1, progress: "begun" }, { id: 2, progress: "begun" }, { pong: true }]);
  const ends = posted
    .slice(3)
    .map((reply) => ("failure" in reply ? reply.failure.code : "value" in reply && reply.value));
  assert.deepEqual(ends, ["timed-out", "status"]);
  await take({ id: 1, reason: { name: "TimeoutError" } });
});

test("the two ends together: a caller that gives up in time is refused by both", async () => {
  const { posted, take } = answered(
    (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(refusal("aborted", "not done")))),
  );
  const underWay: Promise<void>[] = [];
  const caller = new Caller((message) => underWay.push(take(message)), errorFrom);
  const controller = new AbortController();
  const call = caller.ask("record", none, { signal: controller.signal });
  controller.abort();
  await Promise.all(underWay);
  posted.forEach((reply) => caller.settle(reply));
  assert.equal(await call.catch(codeOf), "aborted");
});

test("the buffers of a value's own arrays cross without a copy, each once", () => {
  const both = new ArrayBuffer(8);
  const [first, second] = [new Uint8Array(both, 0, 4), new Uint8Array(both, 4)];
  const other = Uint32Array.of(1);
  assert.deepEqual(buffersOf({ first, second, other, deep: { bytes: Uint8Array.of(1) } }), [both, other.buffer]);
  assert.deepEqual(buffersOf(other), [other.buffer]);
  for (const nothing of [undefined, null, 7, "text", true]) assert.deepEqual(buffersOf(nothing), []);
});
