// A head to begin with, out of names alone: nobody has to train one, or to fetch a file, before a feed learns.

import type { Start } from "../../worker/protocol.ts";
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

/** What `createHead` makes: a head that the device finishes itself. */
export type StartingHead = Start;

/** As many hidden units as `privet head start` gives one, and how much evidence it waits for. */
const HIDDEN = 16;
const KAPPA = 4;

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
export function createHead(description: HeadDescription): StartingHead {
  const { embedding, dense = [], attributes = [] } = description;
  const { kinds = ["impression", "click", "like", "dismiss"] } = description;
  if (!Number.isInteger(embedding)) refuse("embedding", embedding, "say how many numbers an item's embedding has");
  const denseOf = named<string, { offset?: number; scale?: number }>;
  const attributeOf = named<string, { rate?: number; strength?: number }>;
  const schema = [
    int(1),
    int(embedding),
    array(
      dense
        .map((it) => denseOf(it))
        .map(({ name, offset = 0, scale = 1 }) => [text(name), float(offset), float(scale)]),
    ),
    array(
      attributes
        .map((it) => attributeOf(it))
        .map(({ name, rate = 0.1, strength = 5 }) => [text(name), float(rate), float(strength)]),
    ),
    array(kinds.map(kindOf)),
  ];
  const local = [int(8), int(8), float(0.05), float(200), float(0.1), float(50)];
  const upload = [int(1), float(1)];
  // kappa, eta, how it learns, how it contributes, and no word of what it was made from.
  const parts = [list(schema), float(KAPPA), float(1), list(local), list(upload), text(""), int(HIDDEN)];
  // The eighth part, the parameters, comes last, by the module.
  const body = joined([head(4, parts.length + 1), ...parts]);
  return { body, dense: dense.length, attributes: attributes.length, hidden: HIDDEN };
}

function kindOf(it: NonNullable<HeadDescription["kinds"]>[number], place: number): Bytes[] {
  const { name, ...its } = named<EventKind, { label: number; weight?: number; full?: number }>(it);
  const [label, weight = 1, full = 0] = KINDS[name] ?? [its.label];
  if (label === undefined) refuse(`kinds[${place}]`, name, `this package knows ${Object.keys(KINDS).join(", ")}`);
  return [text(name), float(its.label ?? label), float(its.weight ?? weight), float(its.full ?? full)];
}

function named<Name extends string, More>(it: Name | ({ name: Name } & More)): { name: Name } & Partial<More> {
  return typeof it === "string" ? ({ name: it } as { name: Name } & Partial<More>) : it;
}

// Canonical CBOR (RFC 8949, 4.2.1), as docs/wire-format.md has it for heads.

type Bytes = Uint8Array;

function head(major: number, value: number): Bytes {
  const first = major << 5;
  if (value < 24) return Uint8Array.of(first | value);
  return value < 256 ? Uint8Array.of(first | 24, value) : Uint8Array.of(first | 25, value >> 8, value & 255);
}

const int = (value: number) => head(0, value);

function text(value: string): Bytes {
  const bytes = new TextEncoder().encode(value);
  return joined([head(3, bytes.length), bytes]);
}

/** Four bytes, whatever shorter form there would be. */
function float(value: number): Bytes {
  const bytes = new DataView(new ArrayBuffer(5));
  bytes.setUint8(0, 0xfa);
  bytes.setFloat32(1, value);
  return new Uint8Array(bytes.buffer);
}

const list = (parts: Bytes[]) => joined([head(4, parts.length), ...parts]);
const array = (rows: Bytes[][]) => list(rows.map(list));

function joined(parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}
