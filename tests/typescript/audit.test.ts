// What the audit works out by itself: what explains a request, where fields stand in bytes, what a year comes to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { partsOf } from "../../web/audit/bytes.ts";
import { span } from "../../web/audit/format.ts";
import { explain, type Grounds, merged, type Request } from "../../web/audit/network.ts";
import { coveredBy, paceOf, projectionOf } from "../../web/audit/projection.ts";
import type { Reading } from "../../web/audit/reading.ts";

const SITE = "https://site.example";
const UPLOAD = `${SITE}/v1/tasks/demo/rounds/1/uploads/00`;
const GROUNDS: Grounds = {
  page: `${SITE}/`,
  markup: [`${SITE}/main.js`],
  files: { [`${SITE}/items.json`]: "the feed" },
  asks: { [`${SITE}/v1/tasks/demo/round`]: "round", [`${SITE}/worker.js`]: "module", [`${SITE}/v1/late`]: "upload" },
  uploads: new Map([[UPLOAD, new Set(["aa"])]]),
};

const request = (path: string, more: Partial<Request> = {}): Request => ({
  ...{ url: path.includes(":") ? path : SITE + path, time: 0, seenBy: [] },
  ...more,
});
const explained = (path: string, more?: Partial<Request>) => explain(request(path, more), GROUNDS);

test("what somebody vouches for is explained, address by address", () => {
  for (const path of ["/", "/main.js", "/items.json", "/v1/tasks/demo/round", "/worker.js"]) {
    assert.ok(explained(path), path);
    assert.ok(explained(path, { method: "GET", sent: 0 }), path);
  }
  assert.equal(explained(UPLOAD), "an upload in the log");
  assert.match(explained(UPLOAD, { method: "PUT", sent: 4, sha256: "aa" }) ?? "", /byte for byte/);
});

test("whatever is not exactly that is not", () => {
  for (const path of ["/main.js?who=me", "/v1/tasks/demo/round?who=me", "/other.js", "/toString", "/v1/late"])
    assert.equal(explained(path), undefined, path);
  assert.equal(explained("https://other.example/main.js"), undefined);
  assert.equal(explained("/main.js", { method: "POST", sent: 0 }), undefined, "another method");
  assert.equal(explained("/main.js", { sent: 2 }), undefined, "a body");
  assert.equal(explained(UPLOAD, { method: "PUT", sent: 4, sha256: "bb" }), undefined, "other bytes than the log's");
});

test("one request in several lists is one, and two are two", () => {
  const seen = (url: string, time: number) => ({ url, time, status: 200, received: 1 });
  const all = merged({
    page: [seen("a", 0), seen("a", 9000)],
    worker: [seen("b", 10)],
    "service worker": [
      { url: "a", time: 5, method: "GET" },
      { url: "b", time: 12, method: "PUT", sent: 3 },
      { url: "c", time: 13 },
    ],
  });
  const told = all.map(({ url, method, received, seenBy }) => [url, method, received, seenBy.join(" + ")]);
  assert.deepEqual(told, [
    ["a", "GET", 1, "page + service worker"],
    ["b", "PUT", 1, "worker + service worker"],
    ["c", undefined, undefined, "service worker"],
    ["a", undefined, 1, "page"],
  ]);
});

test("fields are found in their bytes, and every byte is in one part", () => {
  const bytes = Uint8Array.of(9, 1, 1, 9, 1, 1, 2, 9);
  const fields = { first: Uint8Array.of(1, 1), number: 4, second: Uint8Array.of(1, 1), none: null };
  const parts = partsOf(bytes, fields);
  assert.deepEqual(
    parts.map(({ name, offset, bytes }) => [name, offset, ...bytes]),
    [
      [undefined, 0, 9],
      ["first", 1, 1, 1],
      [undefined, 3, 9],
      ["second", 4, 1, 1],
      [undefined, 6, 2, 9],
    ],
  );
  assert.deepEqual(partsOf(bytes, { odd: Uint8Array.of(7) }), [{ name: undefined, bytes, offset: 0 }]);
});

test("a pace is the mean distance of different uploads: sending one again is none", () => {
  assert.equal(paceOf([]), undefined);
  assert.equal(
    paceOf([
      { id: "a", time: 0 },
      { id: "a", time: 9 },
    ]),
    undefined,
  );
  const sendings = [0, 40, 100].map((time) => ({ id: String(time), time }));
  assert.deepEqual(paceOf([...sendings, { id: "100", time: 999 }]), { contributions: 3, everyMs: 50 });
});

test("a projection ends where the budget does, and goes on for a year where it lasts", () => {
  const entry = { rho: 0.03125, adjacency: "zeroed", rhoAlone: 2 };
  const reading = (everyMs: number) =>
    ({
      left: [0, 1].map((n) => ({ sending: { id: String(n), time: n * everyMs } })),
      ledger: [{ entry }, { entry }],
      account: {
        spent: { nothing: { rho: 0.0625 }, anyOther: { rho: 0.25 }, alone: { rho: 4 } },
        remaining: 0.9895,
      },
    }) as unknown as Reading;
  const week = projectionOf(reading(7 * 86_400_000));
  assert.deepEqual(
    [week?.more, week?.nothing, week?.anyOther, week?.alone],
    [31, 0.0625 + 31 * 0.03125, 0.25 + 31 * 0.125, 66],
  );
  assert.equal(week?.goneAfterMs, 31 * 7 * 86_400_000);
  const month = projectionOf(reading(30 * 86_400_000));
  assert.deepEqual([month?.more, month?.goneAfterMs, month?.alone], [12, undefined, 28]);
});

test("what a budget covers is not lost to rounding", () => {
  assert.equal(coveredBy(0.3, 0.1), 3);
  assert.equal(coveredBy(0.299999999, 0.1), 2);
  assert.equal(coveredBy(1, 0), 0);
});

test("a span is said in the largest unit of which there are two", () => {
  assert.deepEqual([0, 1500, 119_000, 120_000, 86_400_000 * 9].map(span), [
    "0 seconds",
    "2 seconds",
    "119 seconds",
    "2 minutes",
    "9 days",
  ]);
});
