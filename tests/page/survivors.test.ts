// Rules of the device's way to a server, each played by a store that is put back, a tab that dies, or half an answer.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import type { OpenOptions } from "../../worker/protocol.ts";
import { Server as Leader } from "../../worker/server.ts";
import { LEDGER } from "../../worker/store.ts";
import { Server } from "../harness.ts";
import { choose, codeOf, context, Kept, open, optionsFor } from "./device.ts";

const COHORT = 3;
const AGREED = { personalise: true, contribute: true };

let server: Server;
let options: OpenOptions;
/** What the network does to uploads. */
let network: (place: string, init?: RequestInit) => Promise<Response>;
const real = globalThis.fetch;

before(async () => {
  server = await Server.start(tmpdir(), "split", ["--min-cohort", String(COHORT)]);
  const plain = await optionsFor(server);
  options = { ...plain, policy: { ...plain.policy, minCohort: COHORT } };
  globalThis.fetch = (place, init) => network(String(place), init);
});
beforeEach(() => {
  network = real;
});
after(async () => {
  globalThis.fetch = real;
  await server.end();
});

/** Uploads come to nothing. */
const mute = async (place: string, init?: RequestInit) => {
  if (init?.method === "PUT") throw new TypeError("no network");
  return real(place, init);
};

const fates = async (store: Kept) => {
  const host = await open(options, store);
  const entries = await host.ledger();
  await host.close();
  return entries.map(({ fate }) => fate);
};

/** Enough others contribute for the open round to close, and the next one opens. */
async function nextRound(): Promise<void> {
  const before = await roundNow();
  await Promise.all(
    Array.from({ length: COHORT }, async () => {
      const host = await open(options);
      await host.consent(AGREED);
      await codeOf(host.contribute(context()));
      await host.close();
    }),
  );
  for (let n = 0; [before, undefined].includes(await roundNow()); n++) {
    assert.ok(n < 150, "no new round opened");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** The open round's bytes, once there is one. */
async function roundNow(): Promise<string | undefined> {
  const reply = await real(`${server.address}/v1/tasks/demo/round`);
  return reply.ok ? Buffer.from(await reply.arrayBuffer()).toString("hex") : undefined;
}

test("a ledger that was put back between two rounds is noticed when the next one is opened", async () => {
  const store = new Kept();
  const host = await open(options, store);
  await host.consent(AGREED);
  await host.contribute(context());
  const before = await store.get(LEDGER);
  await nextRound();
  await host.contribute(context());
  await nextRound();
  await store.put({ [LEDGER]: before });
  assert.equal(await codeOf(host.contribute(context())), "ledger-rolled-back");
  await host.close();
});

test("what was contributed is not new any more, whenever the device dies after its bytes were ready", async () => {
  const store = new Kept();
  const host = await open(options, store);
  await host.consent(AGREED);
  await choose(host, 12);
  assert.ok((await host.preview()).examples > 0);
  network = mute;
  assert.equal(await codeOf(host.contribute(context())), "server-unreachable");
  // No goodbye: the store as it is now is all that is left.
  const left = await store.copy();
  network = real;
  const again = await open(options, left);
  assert.equal((await again.preview()).examples, 0);
  await Promise.all([host.close(), again.close()]);
});

test("a call that was handed over after an earlier upload went out for it is not debited again", async () => {
  await nextRound();
  const store = new Kept();
  const host = await open(options, store);
  await host.consent(AGREED);
  network = mute;
  assert.equal(await codeOf(host.contribute(context())), "server-unreachable");
  network = real;
  const mark = { tab: "handed over", call: 1 };
  const { id } = await host.contribute(context(mark));
  await nextRound();
  // The tab that led died before its answer was heard: the next one is asked the same.
  const next = await open(options, await store.copy());
  assert.equal((await next.contribute(context(mark))).id, id);
  assert.equal((await next.ledger()).length, 1);
  await Promise.all([host.close(), next.close()]);
});

test("a device looks once in a slot, however often its pages are opened", async () => {
  const store = new Kept();
  const scheduled = { ...options, scheduled: true, policy: { ...options.policy, intervalMs: 7 * 86_400_000 } };
  const host = await open(scheduled, store);
  await host.consent(AGREED);
  for (let n = 0; (await host.ledger())[0]?.fate !== "ready"; n++) {
    assert.ok(n < 100, "nothing was made");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await host.close();
  // {"offset": a double, "slot": 4 bytes or fewer} in CBOR.
  const kept = (await store.get("demo/slot")) as Uint8Array;
  const offset = new DataView(kept.buffer, kept.byteOffset).getFloat64(9);
  const slot = [...kept.subarray(kept.length - 2)].reduce((all, byte) => 256 * all + byte, 0);
  const day = 86_400_000;
  assert.equal(slot, Math.floor((Date.now() - Math.floor(offset * day)) / day));
  let looks = 0;
  network = (place, init) => {
    if (place.endsWith("/round")) looks += 1;
    return real(place, init);
  };
  const again = await open(scheduled, store);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([looks, (await again.status()).refused], [1, undefined], "the opening alone asks");
  await again.close();
});

test("half an answer acknowledges nothing", async () => {
  const answers: unknown[] = [{ count: 3 }, { min_cohort: 3 }, {}, "fine", { count: "3", min_cohort: 3 }];
  const strange = createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answers[0]));
  }).listen(0, "127.0.0.1");
  await once(strange, "listening");
  const url = `http://127.0.0.1:${(strange.address() as AddressInfo).port}/`;
  try {
    while (answers.length) {
      const asked = new Leader(url).upload(url, new Uint8Array(3), undefined, new AbortController().signal);
      assert.equal(await codeOf(asked), "server-unreachable", JSON.stringify(answers[0]));
      answers.shift();
    }
  } finally {
    strange.close();
  }
});

test("nothing is debited where nobody says which round is open, or another one is", async () => {
  await nextRound();
  const store = new Kept();
  const host = await open(options, store);
  await host.consent(AGREED);
  network = async (place, init) => {
    if (place.endsWith("/round")) throw new TypeError("no network");
    return real(place, init);
  };
  assert.equal(await codeOf(host.contribute(context())), "server-unreachable");
  assert.deepEqual(await fates(store), []);
  network = real;
  const { round } = await host.status();
  await nextRound();
  assert.equal((await host.contribute(context())).round, round + 1, "the look is before the debit");
  await host.close();
});

test("a round that has no time left is not worth a debit", async () => {
  await nextRound();
  const store = new Kept();
  const host = await open(options, store);
  await host.consent(AGREED);
  const now = Date.now;
  const { deadline } = await host.inspect("round");
  Date.now = () => Number(deadline) * 1000 - 500;
  try {
    assert.equal(await codeOf(host.contribute(context())), "round-over");
    assert.deepEqual(await host.ledger(), []);
  } finally {
    Date.now = now;
  }
  await host.close();
});
