// The order that a server renders, held to the one that a device gives to whom it knows nothing of.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as rank from "../../web/pkg/rank/rank.js";
import { itemsFrom, momentAt, requestFrom } from "../../web/ts/items.ts";
import { serverSlate } from "../../web/ts/served.ts";
import type { Candidate, Request } from "../../web/ts/types.ts";

const file = (path: string) => readFileSync(new URL(path, import.meta.url));
rank.initSync({ module: file("../../web/pkg/rank/rank_bg.wasm") });

// A head of a schema that names an attribute.
const device = rank.Ranker.local(
  new rank.Terms("demo", new Uint8Array(32), undefined, new Float64Array()),
  file("../fuzz/corpus/head/rich"),
);
const names = { dense: device.names(0), attributes: device.names(1), kinds: device.names(2) };

function deviceOrder(candidates: Candidate[], request: Request) {
  const { lengths, numbers, places, names: texts } = itemsFrom(candidates, names);
  const { limit, diversity, caps, pins, freshness } = requestFrom(request, candidates, names);
  const items = new rank.Items(lengths, numbers, places, texts);
  const slate = device.rerank(items, limit, diversity, caps, pins, freshness, momentAt(0).ms, 0);
  const { order, unmet } = slate;
  slate.free();
  const [notPinned, beyond] = unmet;
  return { ids: Array.from(order, (place) => candidates[place]?.id), pins: notPinned, caps: beyond };
}

test("pins and caps are kept as a device keeps them, whatever they ask for", () => {
  let state = 7;
  const draw = (below: number) => (state = (state * 48271) % 2147483647) % below;
  const [attribute = ""] = names.attributes;
  for (let n = 0; n < 500; n++) {
    const count = draw(12);
    const candidates = Array.from({ length: count }, (_, i): Candidate => {
      const embedding = Array.from({ length: 384 }, () => 0.5);
      const dense = Object.fromEntries(names.dense.map((name) => [name, 1]));
      const values = draw(3) ? { [attribute]: draw(2) ? `v${draw(3)}` : [`v${draw(3)}`, "second"] } : {};
      return { id: `item-${i}`, score: draw(6), embedding, dense, attributes: values };
    });
    const pins = Object.fromEntries(
      Array.from({ length: draw(4) }, () => [`item-${draw(count + 2)}`, draw(count + 2)]),
    );
    const caps = draw(3) ? { [attribute]: draw(3) } : {};
    const request: Request = { limit: draw(count + 3), rules: { pins, caps } };
    const { items, unmet } = serverSlate(candidates, request);
    const seen = { ids: items.map(({ id }) => id), pins: unmet.pins, caps: unmet.caps };
    assert.deepEqual(seen, deviceOrder(candidates, request), `case ${n}: ${JSON.stringify(request)}`);
  }
});
