import type { Policy } from "../../worker/protocol.ts";

/** Something that a feed shows. */
export interface Item {
  /** Yours: it is never sent. */
  id: string;
  /** 16 to 384 numbers, as many as the head was trained for. */
  embedding: Float32Array | readonly number[];
}

/** An item that a server proposes, with the server's own score. */
export interface Candidate extends Item {
  score: number;
}

/** What a user can do with an item. */
export type EventKind = "impression" | "click" | "like" | "dismiss";

/** What the user did, with which item. It stays on the device. */
export interface Interaction {
  kind: EventKind;
  item: Item;
}

/** Candidates in the order in which to show them. */
export interface Slate<C extends Candidate> {
  items: C[];
  /** Says that the items were on the screen: the ones that are passed over teach, too. */
  shown(): Promise<void>;
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
