// A head to begin with, out of names alone: nobody has to train one, or to fetch a file, before a feed learns.

import { joined } from "../../worker/bytes.ts";
import { refuse } from "./check.ts";
import type { EventKind } from "./types.ts";

/** What items have and what users do, for a head that has learnt nothing yet. */
export interface HeadDescription {
  /** How many numbers an item's embedding has: 16 to 384, a multiple of 4. */
  embedding: number;
  /**
   * What an item may have, by name: a creator, a source, categories. `rate` says how often, over all users, such an item is
   * chosen when it is shown, and `strength` how many events that knowledge weighs as much as. Default 0.1 and 5.
   */
  attributes?: readonly (string | { name: string; rate?: number; strength?: number })[];
  /** Numbers that every item carries: `offset` is taken away and `scale` divided by, so that most are near 1. Default 0 and 1. */
  dense?: readonly (string | { name: string; offset?: number; scale?: number })[];
  /**
   * What users do. `label` is from −1, which speaks against an item, over 0, which says that it was shown, to 1; `weight` is
   * how much it counts; `full` is from what value on it counts fully, where an act carries one. Default impression, click,
   * like, dismiss.
   */
  kinds?: readonly (EventKind | { name: EventKind; label: number; weight?: number; full?: number })[];
}

/** The hidden units that `privet head start` gives a head, and how much evidence the head waits for (`kappa`). */
const HIDDEN = 16;
const KAPPA = 4;

/** What a profile says of an item: so many numbers, more for each attribute, and the place of its likeness to interests. */
const FIXED = 15;
const PER_ATTRIBUTE = 3;
const INTEREST = 2;

/** Label, weight and the value from which a kind counts fully. */
const KINDS: Record<EventKind, [label: number, weight: number, full: number]> = {
  impression: [0, 1, 0],
  click: [1, 1, 0],
  dwell: [1, 0.5, 30_000],
  like: [1, 2, 0],
  forward: [1, 2, 0],
  save: [1, 2, 0],
  purchase: [1, 3, 0],
  dismiss: [-1, 1, 0],
  hide: [-1, 2, 0],
};

/** A head that has learnt nothing yet but one thing: what is like the user's interests comes first. Pass it as `head`. */
export function createHead(description: HeadDescription): Uint8Array {
  const { embedding, dense = [], attributes = [] } = description;
  const { kinds = ["impression", "click", "like", "dismiss"] } = description;
  // What the short CBOR headers written here could not hold. Whatever else is wrong with a head, the module refuses.
  if (!Number.isInteger(embedding) || embedding < 16 || embedding > 384)
    refuse("embedding", embedding, "say how many numbers an item's embedding has, 16 to 384");
  const schema = map({
    version: int(1),
    embedding: int(embedding),
    dense: list(dense.map(denseOf)),
    attributes: list(attributes.map(attributeOf)),
    kinds: list(kinds.map(kindOf)),
  });
  const local = map({
    ...{ steps: int(8), batch: int(8), rate: float(0.05), pull: float(200) },
    ...{ personal_rate: float(0.1), personal_pull: float(50) },
  });
  const upload = map({ epochs: int(1), rate: float(1) });
  // The schema, kappa, eta, how it learns, how it contributes, and no word of what it was made from.
  const settings = [schema, float(KAPPA), float(1), local, upload, text(""), int(HIDDEN)];
  const parameters = bytesOf(parametersOf(dense.length, attributes.length));
  const body = list([...settings, binary(parameters)]);
  return list([int(2), binary(body), binary(sha256(body))]);
}

/**
 * The same as the core's `Head::starting`, in the same single precision: no say for the hidden units, which begin as a fixed,
 * uneven pattern (the sizes of He et al. 2015), and likeness to the interests as it is.
 */
function parametersOf(dense: number, attributes: number): Float32Array {
  const features = dense + FIXED + PER_ATTRIBUTE * attributes;
  const parameters = new Float32Array(features + features * HIDDEN + 2 * HIDDEN);
  const { fround, sqrt } = Math;
  const size = fround(sqrt(fround(6 / features)));
  const angle = fround(0.618034);
  for (let n = 0; n < features * HIDDEN; n++) {
    const turned = fround(n * angle);
    parameters[features + n] = size * fround(2 * (turned - Math.trunc(turned)) - 1);
  }
  parameters[dense + INTEREST] = 1;
  return parameters;
}

function bytesOf(numbers: Float32Array): Bytes {
  const bytes = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, place) => bytes.setFloat32(4 * place, number, true));
  return new Uint8Array(bytes.buffer);
}

function denseOf(it: Listed<"dense">): Bytes {
  const { name, offset = 0, scale = 1 } = typeof it === "string" ? { name: it } : it;
  return map({ name: text(name), offset: float(offset), scale: float(scale) });
}

function attributeOf(it: Listed<"attributes">): Bytes {
  const { name, rate = 0.1, strength = 5 } = typeof it === "string" ? { name: it } : it;
  return map({ name: text(name), rate: float(rate), strength: float(strength) });
}

function kindOf(it: Listed<"kinds">, place: number): Bytes {
  const its: { name: EventKind; label?: number; weight?: number; full?: number } =
    typeof it === "string" ? { name: it } : it;
  const { name } = its;
  const [known, weight = 1, full = 0] = KINDS[name] ?? [];
  const label = its.label ?? known;
  if (label === undefined) refuse(`kinds[${place}]`, name, `this package knows ${Object.keys(KINDS).join(", ")}`);
  const parts = { label: float(label), weight: float(its.weight ?? weight), full: float(its.full ?? full) };
  return map({ name: text(name), ...parts });
}

/** One of those that a description lists. */
type Listed<Field extends "dense" | "attributes" | "kinds"> = NonNullable<HeadDescription[Field]>[number];

// Canonical CBOR (RFC 8949, 4.2.1), as docs/wire-format.md has it for heads.

type Bytes = Uint8Array;

function head(major: number, value: number): Bytes {
  const first = major << 5;
  if (value < 24) return Uint8Array.of(first | value);
  return value < 256 ? Uint8Array.of(first | 24, value) : Uint8Array.of(first | 25, value >> 8, value & 255);
}

const int = (value: number) => head(0, value);

function text(value: string): Bytes {
  if (typeof value !== "string" || value.length > 64) refuse("a name", value, "give a text of 1 to 64 bytes");
  const bytes = new TextEncoder().encode(value);
  return joined([head(3, bytes.length), bytes]);
}

/** Always four bytes, though CBOR has shorter forms for some values. */
function float(value: number): Bytes {
  const bytes = new DataView(new ArrayBuffer(5));
  bytes.setUint8(0, 0xfa);
  bytes.setFloat32(1, value);
  return new Uint8Array(bytes.buffer);
}

function binary(bytes: Bytes): Bytes {
  return joined([head(2, bytes.length), bytes]);
}

const list = (parts: Bytes[]) => joined([head(4, parts.length), ...parts]);

function map(fields: Record<string, Bytes>): Bytes {
  const pairs = Object.entries(fields);
  return joined([head(5, pairs.length), ...pairs.flatMap(([name, value]) => [text(name), value])]);
}

/** SHA-256 (FIPS 180-4). The browser's own needs a secure context, and is asynchronous. */
function sha256(message: Bytes): Bytes {
  const blocks = new DataView(new ArrayBuffer(64 * Math.ceil((message.length + 9) / 64)));
  new Uint8Array(blocks.buffer).set(message);
  blocks.setUint8(message.length, 0x80);
  blocks.setUint32(blocks.byteLength - 4, 8 * message.length);
  const state = ROOTS.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const constants = ROOTS.map((prime) => fraction(Math.cbrt(prime)));
  const turn = (word: number, by: number) => (word >>> by) | (word << (32 - by));
  for (let at = 0; at < blocks.byteLength; at += 64) {
    const w = Array.from({ length: 16 }, (_, n) => blocks.getInt32(at + 4 * n));
    let [a, b, c, d, e, f, g, h] = state as [number, number, number, number, number, number, number, number];
    for (const [n, constant] of constants.entries()) {
      if (n >= 16) {
        const [x, y] = [w[n - 15]!, w[n - 2]!];
        const [low, high] = [turn(x, 7) ^ turn(x, 18) ^ (x >>> 3), turn(y, 17) ^ turn(y, 19) ^ (y >>> 10)];
        w[n] = (w[n - 16]! + low + w[n - 7]! + high) | 0;
      }
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + constant + w[n]!) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((word, place) => (state[place] = (state[place]! + word) | 0));
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, place) => digest.setInt32(4 * place, word));
  return new Uint8Array(digest.buffer);
}

/** The first 64 primes. */
const ROOTS = Array.from({ length: 312 }, (_, n) => n).filter(
  (n) => n > 1 && !Array.from({ length: n }, (_, by) => by).some((by) => by > 1 && n % by === 0),
);

/** The first 32 bits behind the point. */
const fraction = (root: number) => ((root - Math.floor(root)) * 2 ** 32) | 0;
