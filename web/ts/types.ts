import type { Kind, Policy } from "../../worker/protocol.ts";

/** Something that a feed shows. */
export interface Item {
  /** Yours: it is never sent. */
  id: string;
  /** 16 to 384 numbers, as many as the head was trained for. */
  embedding: Float32Array | readonly number[];
  /** Values by the names that the head's schema has: a creator, a source, one or several categories. */
  attributes?: Readonly<Record<string, string | readonly string[]>>;
  /** Every number that the head's schema names; others are left out. */
  dense?: Readonly<Record<string, number>>;
}

/** An item that a server proposes, with the server's own score. */
export interface Candidate extends Item {
  score: number;
}

/** What a user can do with an item. The head's schema says which of them it knows. */
export type EventKind =
  "impression" | "click" | "dwell" | "like" | "forward" | "save" | "purchase" | "dismiss" | "hide";

/** What the user did, with which item. It stays on the device. */
export interface Interaction {
  kind: EventKind;
  item: Item;
  /** The number that the kind carries, if it does: the milliseconds of a dwell. */
  value?: number;
  /** When, in milliseconds since 1970. Default: now. */
  time?: number;
  /** The id of the slate that the item was on: what was shown beside it, and where, teaches too. */
  slate?: number;
}

/** Candidates in the order in which to show them. */
export interface Slate<C extends Candidate> {
  /** Names it in an {@link Interaction}, as one of the latest sixteen slates. */
  id: number;
  /** Which order it is: now and then both are interleaved, to see which does better. */
  kind: Kind;
  items: C[];
  /** What the place of each item rests on, in the same order, where it was asked to explain. */
  scores: Score[];
  /** What the rules could not have as they want: pins, candidates beyond caps, fresh candidates. */
  unmet: { pins: number; caps: number; freshness: number };
  /** Says that the items were on the screen, once: the ones that are passed over teach, too. */
  shown(): Promise<void>;
}

/** What is asked of an order. */
export interface Request {
  /** How many are shown. Default all. */
  limit?: number;
  /** From 0, the scores alone, to 1, nothing but unlikeness to what stands above. Default 0. */
  diversity?: number;
  rules?: Rules;
  /** Whether the parts of the scores are wanted. */
  explain?: boolean;
}

/** Wishes, in the order in which they are kept where not all of them can be. */
export interface Rules {
  /** The place, from 0, at which the item of an id stands. */
  pins?: Readonly<Record<string, number>>;
  /** At most so many items of one value, by the attribute's name. */
  caps?: Readonly<Record<string, number>>;
  /** What is granted to items of which a dense number, their age, is under this. */
  freshness?: { age: string; under: number; bonus?: number; least?: number; within?: number };
}

/** The parts of a score: their sum decides, and only how it differs from the other items'. So two are given around 0. */
export interface Score {
  server: number;
  /** What the head adds that is everyone's. */
  shared: number;
  /** What only this device has learnt. */
  personal: number;
  /** The id of the recent item that is most like this one, where this session has seen it. */
  because?: string;
}

/** An aggregator's identity: 32 bytes, or 64 hexadecimal digits. */
export type Key = Uint8Array | string;

/** How to open a personalizer. */
export interface Options {
  /** The name of the task at the aggregation server. */
  task: string;
  /** Who aggregates. What they publish counts only with signatures by these keys. */
  aggregators: {
    /** Its address may be relative to the page. */
    leader: { url: string; key: Key };
    /** Needed where a task is split between two. */
    helper?: { key: Key };
  };
  /** Limits that no server can widen. */
  policy?: Policy;
  /** `auto` uses WebGPU where it is there and computes rightly. Default `auto`. */
  backend?: "auto" | "scalar";
}
