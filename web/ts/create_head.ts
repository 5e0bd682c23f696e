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

/** What `createHead` makes: a head that the device writes out itself. */
export type StartingHead = Start;

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
  const names: string[] = [];
  const numbers: number[] = [];
  const add = (name: string, ...its: number[]) => {
    names.push(name);
    numbers.push(...its);
  };
  for (const it of dense.map((it) => named<string, { offset?: number; scale?: number }>(it))) add(it.name, it.offset ?? 0, it.scale ?? 1);
  for (const it of attributes.map((it) => named<string, { rate?: number; strength?: number }>(it))) add(it.name, it.rate ?? 0.1, it.strength ?? 5);
  for (const [place, it] of kinds.map((it) => named<EventKind, { label: number; weight?: number; full?: number }>(it)).entries()) {
    const [label, weight, full] = KINDS[it.name] ?? [];
    const says = it.label ?? label;
    if (says === undefined) refuse(`kinds[${place}]`, it.name, `this package knows ${Object.keys(KINDS).join(", ")}`);
    add(it.name, says, it.weight ?? weight ?? 1, it.full ?? full ?? 0);
  }
  return { embedding, dense: dense.length, attributes: attributes.length, names, numbers };
}

function named<Name extends string, More>(it: Name | ({ name: Name } & More)): { name: Name } & Partial<More> {
  return typeof it === "string" ? ({ name: it } as { name: Name } & Partial<More>) : it;
}
