// The wire format's vectors, read by the module that ships: what Rust reads natively and in a browser, TypeScript reads
// through the bindings, and refuses with the same codes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { initSync, inspect } from "../../web/pkg/release/release.js";
import * as rank from "../../web/pkg/rank/rank.js";

interface Bad {
  name: string;
  code: string;
  bytes: string;
}

interface Vectors<Good> {
  good: (Good & { name: string; bytes: string })[];
  bad: Bad[];
}

const file = (path: string) => readFileSync(new URL(path, import.meta.url));
const read = <T>(name: string) => JSON.parse(file(`../vectors/${name}.json`).toString()) as T;
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (field: unknown) => (field instanceof Uint8Array ? Buffer.from(field).toString("hex") : field);
const nothing = new Uint8Array();

initSync({ module: file("../../web/pkg/release/release_bg.wasm") });
rank.initSync({ module: file("../../web/pkg/rank/rank_bg.wasm") });

function refused(code: string, name: string, work: () => unknown): void {
  assert.throws(work, (error: { code?: string }) => error.code === code, name);
}

test("uploads", () => {
  interface Upload {
    mode: "device" | "split";
    id: string;
    grid: number[];
  }
  type Uploads = Omit<Vectors<Upload>, "bad"> & {
    rounds: Record<"device" | "split", string>;
    bad: (Bad & Pick<Upload, "mode">)[];
  };
  const { rounds, good, bad } = read<Uploads>("upload");
  for (const vector of good) {
    const fields = inspect("upload", bytes(vector.bytes), bytes(rounds[vector.mode]));
    const round = inspect("round", bytes(rounds[vector.mode]), nothing);
    assert.equal(hex(fields["id"]), vector.id, vector.name);
    assert.equal(hex(fields["configuration"]), hex(round["hash"]), vector.name);
    assert.equal(round["mode"], vector.mode);
    if (vector.mode === "split") {
      const [leader, helper] = [fields["leader-share"], fields["helper-share"]] as [Uint8Array, Uint8Array];
      assert.deepEqual([leader.length, helper.length], [4 * vector.grid.length + 48, 32 + 48], vector.name);
    } else {
      const entries = Buffer.from(fields["entries"] as Uint8Array);
      const grid = vector.grid.map((_, place) => entries.readInt32LE(4 * place));
      assert.deepEqual(grid, vector.grid, vector.name);
    }
  }
  for (const mode of ["device", "split"] as const) {
    const wrong = bad.filter((vector) => vector.mode === mode);
    assert.ok(wrong.length >= 12);
    for (const { name, code, bytes: sent } of wrong) {
      refused(code, `${mode}: ${name}`, () => inspect("upload", bytes(sent), bytes(rounds[mode])));
    }
  }
});

test("signed rounds", () => {
  const { pins, good, bad } = read<Vectors<{ hash: string }> & { pins: { leader: string; helper: string } }>("round");
  const terms = new rank.Terms("demo", bytes(pins.leader), bytes(pins.helper), new Float64Array());
  for (const vector of good) {
    const { body } = inspect("signed", bytes(vector.bytes), nothing);
    const round = inspect("round", body as Uint8Array, nothing);
    assert.equal(hex(round["hash"]), vector.hash, vector.name);
    assert.equal(terms.admit(bytes(vector.bytes)).head, hex(round["head"]), vector.name);
  }
  assert.ok(bad.length >= 12);
  for (const { name, code, bytes: sent } of bad) refused(code, name, () => terms.admit(bytes(sent)));
});

test("batches, aggregate shares and manifests", () => {
  interface Message {
    kind: string;
    fields: Record<string, number | string>;
  }
  const { round, good, bad } = read<Vectors<Message> & { round: string }>("aggregation");
  for (const { name, kind, bytes: sent, fields } of good) {
    const seen = Object.entries(inspect(kind, bytes(sent), bytes(round)));
    assert.deepEqual(Object.fromEntries(seen.map(([field, value]) => [field, hex(value)])), fields, name);
  }
  assert.ok(bad.length >= 3 * 12);
  for (const { name, code, bytes: sent, kind } of bad as (Bad & { kind: string })[]) {
    refused(code, `${kind}: ${name}`, () => inspect(kind, bytes(sent), bytes(round)));
  }
});
