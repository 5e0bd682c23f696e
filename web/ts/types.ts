import type { Integrity } from "../../worker/integrity.ts";
import type { Choice, Kind, Policy } from "../../worker/protocol.ts";
import type { Store } from "../../worker/store.ts";
import type { serve } from "../../worker/worker.ts";

/** What a user can do with an item. The head's schema says which of them it knows. */
export type EventKind =
  "impression" | "click" | "dwell" | "like" | "forward" | "save" | "purchase" | "dismiss" | "hide";

/** The names that a head's schema has, for the compiler. */
export interface Schema {
  readonly events: readonly EventKind[];
  /** Numbers that every item carries. */
  readonly dense?: readonly string[];
  /** What an item may have: a creator, a source, categories. */
  readonly attributes?: readonly string[];
}

type DenseOf<S extends Schema> = S extends { dense: readonly (infer Name extends string)[] } ? Name : never;
type AttributeOf<S extends Schema> = S extends { attributes: readonly (infer Name extends string)[] } ? Name : never;

/** Numbers by the schema's names: each of them, where the compiler knows them. */
type Dense<S extends Schema> = Schema extends S
  ? { dense?: Readonly<Record<string, number>> }
  : [DenseOf<S>] extends [never]
    ? unknown
    : { dense: Readonly<Record<DenseOf<S>, number>> };

/** Values by the names that the schema has: one or several of each. */
type Attributes<S extends Schema> = Readonly<
  Partial<Record<Schema extends S ? string : AttributeOf<S>, string | readonly string[]>>
>;

/** Something that a feed shows. */
export type Item<S extends Schema = Schema> = Dense<S> & {
  /** Yours: it is never sent. */
  id: string;
  /** 16 to 384 numbers, as many as the head was trained for. */
  embedding: Float32Array | readonly number[];
  attributes?: Attributes<S>;
};

/** An item that a server proposes, with the server's own score. */
export type Candidate<S extends Schema = Schema> = Item<S> & { score: number };

/** What the user did, with which item. It stays on the device. */
export type Interaction<S extends Schema = Schema> = {
  kind: S["events"][number];
  /** The number that the kind carries, if it does: the milliseconds of a dwell. */
  value?: number;
  /**
   * When, as a Date or in milliseconds since 1970. Default: now. It counts at most a day beyond the device's clock; before
   * 2000 it is refused.
   */
  time?: number | Date;
} & (
  | {
      item: Item<S>;
      /** The id of the slate that the item was on: what was shown beside it, and where, teaches too. */
      slate?: number;
    }
  // Of an item of that slate the id is enough.
  | { item: { id: string }; slate: number }
);

/** What an order has to be like. */
export interface Request {
  /** How many are shown, from 1. Default all. */
  limit?: number;
  /** From 0, the scores alone, to 1, nothing but unlikeness to what stands above. Default 0. */
  diversity?: number;
  rules?: Rules;
  /** Whether the parts of the scores are wanted. */
  explain?: boolean;
  signal?: AbortSignal;
}

/** Rules for an order. Where not all can be kept, those that stand first here are. */
export interface Rules {
  /** The place, from 0, at which the item of an id stands. */
  pins?: Readonly<Record<string, number>>;
  /** At most so many items of one value, by the attribute's name. */
  caps?: Readonly<Record<string, number>>;
  /**
   * Items are fresh whose `age`, one of the dense numbers, is `under` this. A `bonus` is added to their scores, and at least
   * `least` of them stand among the first `within`.
   */
  freshness?: { age: string; under: number; bonus?: number; least?: number; within?: number };
}

/** Candidates in the order in which to show them. */
export interface Slate<C> {
  /** Names it in an {@link Interaction}, as one of the latest sixteen slates. */
  id: number;
  /** Which order it is. Both are interleaved until it is known which does better, and now and then later on. */
  kind: Kind;
  items: C[];
  /** What the place of each item rests on, in the same order, where it was asked to explain. */
  scores: Score[];
  /** What the rules could not have as they want: pins, candidates beyond caps, fresh candidates. */
  unmet: { pins: number; caps: number; freshness: number };
  /**
   * Says, once, that the items were on the screen: the ones that are passed over teach, too. With an element it waits
   * until half of that, or half of the screen by it, was visible for a second; without one that is the caller's word. Whether
   * they were: not where there is no element (`null`), nor where another slate took its place before.
   */
  shown(element?: Element | null, options?: { signal?: AbortSignal }): Promise<boolean>;
}

/** The parts of a score. Their sum decides the order, by differences between items alone: so two of them are centred at 0. */
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

/** Bytes, as a view or as what one is of. */
export type Bytes = Uint8Array | ArrayBuffer;

/** Where a Wasm module is: an address, what was fetched from there, or what was compiled. */
export type Wasm = string | URL | Response | Bytes | WebAssembly.Module;

/** `serve` of `privet/worker`: the device in the thread that calls it. */
export type Serve = typeof serve;

/** How to open a personalizer. */
export interface Options<S extends Schema = Schema> {
  /** The name of the task at the aggregation server, and of the profile on this device. Default `local`. */
  task?: string;
  /** Who aggregates. What they publish counts only with signatures by these keys. Without them nothing is contributed. */
  aggregators?: {
    /** Its address may be relative to the page. */
    leader: { url: string; key: Key };
    /** Needed where a task is split between two. */
    helper?: { key: Key };
    /** Whether one owner runs both, whatever they are called: the statement then begins with what that means. */
    oneOwner?: boolean;
  };
  /**
   * A head of your own, or what `createHead` of `privet/head` makes: needed without aggregators; with them it stands in until they can
   * be reached.
   */
  head?: string | URL | Response | Bytes;
  /** The Wasm modules, where they are not beside the worker. One by itself is the one that ranks. */
  wasm?: Wasm | { rank?: Wasm; release?: Wasm };
  /**
   * Hashes of your own for what is loaded, as an `integrity` attribute has them: `sha256-…`, several apart by spaces. Default:
   * those of the package's own files, both builds of each module; and of `release.js` where it has kept that name, and the page
   * is not on this machine: bundlers and development servers rewrite scripts. `false` compares nothing.
   */
  integrity?: Integrity;
  /** The names of the head's schema: what does not fit them does not compile, and a head of others is refused. */
  schema?: S;
  /** Limits that no server can widen. */
  policy?: Policy;
  /**
   * Where to keep what lasts. Default `auto`: IndexedDB, and memory where the browser refuses that. A store of your own wants
   * the device in its own thread, by `worker`.
   */
  storage?: "auto" | "memory" | Store;
  /**
   * What computes gradients, and what learns much at once. `auto` is SIMD, and WebGPU where there is much to learn and it
   * has shown on this device to be quicker; `webgpu` tries it at once. One that fails or computes wrongly is left for SIMD.
   * With `scalar` gradients are computed by the plain code that defines what the others compute.
   * Default `auto`.
   */
  backend?: Choice;
  /** `serve` of `privet/worker` puts the device into the calling thread. Without it, it has a worker. */
  worker?: Serve;
  /** `auto` contributes by the clock, where that is agreed to; `manual` only by `contribute()`. Default `auto`. */
  schedule?: "auto" | "manual";
  /**
   * Who has blinded messages signed, for tasks that want tokens: an address of your backend that they are posted to, or a
   * function. Each message is 256 bytes, one after the other; so is each signature, as many or fewer. Asked for some at a
   * time, ahead, and at no moment that has to do with an upload.
   */
  tokens?: string | URL | ((blinded: Uint8Array) => Promise<Uint8Array>);
  /**
   * Contributes although the browser may delete the ledger, and with it the count of what was spent: `status().keeping` and
   * the statement say so. Default `false`: then it takes persistent storage, or tokens.
   */
  allowEvictable?: boolean;
  /** Ends the opening, and closes what was opened. */
  signal?: AbortSignal;
}
