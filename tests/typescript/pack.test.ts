import assert from "node:assert/strict";
import { test } from "node:test";
import { pack, unpack } from "../../worker/pack.ts";

test("what is packed comes out as it was, from any place in memory", () => {
  const value = {
    name: "ü",
    none: null,
    list: [1, "two", { three: Float32Array.of(0.1, Number.NaN, -0) }],
    numbers: Uint32Array.of(1, 2 ** 32 - 1),
    small: Uint16Array.of(65_535),
    signed: Int32Array.of(-5),
    bytes: Uint8Array.of(7),
    empty: new Uint8Array(),
  };
  const packed = pack(value);
  const moved = new Uint8Array(packed.length + 1);
  moved.set(packed, 1);
  assert.deepEqual(unpack(packed), value);
  assert.deepEqual(unpack(moved.subarray(1)), value);
});

test("a part of an array is packed, and not all that it is a part of", () => {
  const { part } = unpack<{ part: Uint8Array }>(pack({ part: Uint8Array.of(1, 2, 3, 4).subarray(1, 3) }));
  assert.deepEqual([...part], [2, 3]);
});
