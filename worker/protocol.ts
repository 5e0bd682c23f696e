// What crosses between the page and the worker: names, numbers and typed arrays.

/** Limits that no server can widen. What is left out is the default. */
export interface Policy {
  /** All that this device ever spends, as zCDP rho. Default 1.052: an epsilon of 8 at a delta of 1e-6. */
  lifetimeRho?: number;
  /** The most that one round may cost. Default 0.03125. */
  rhoPerRound?: number;
  /** The most that one round may cost where nobody else is honest. Default `none`: that is told and not limited. */
  rhoAlone?: number | "none";
  /** The least number of devices over which a round may be opened. Default 100. */
  minCohort?: number;
  /** The largest number of devices that a round may wait for. Default 100,000. */
  maxCohort?: number;
  /** The largest number of parameters that a head may have. Default 4,096. */
  maxDimension?: number;
  /** The largest delta. Default 1e-6. */
  maxDelta?: number;
  /** The least noise multiplier. Default 4. */
  minNoiseMultiplier?: number;
  /** Who may add the noise: this device alone, or many, each a part. Default both. */
  modes?: readonly ("device" | "split")[];
  /** How long a new ledger waits before its first contribution. Default a day. */
  waitMs?: number;
  /** How many sessions must have started before it. Default 2. */
  sessions?: number;
  /** How far apart two contributions to one task are. Default a week. */
  intervalMs?: number;
  /** One slate in this many is an interleaving of the server's order and this device's. 0 for none. Default 10. */
  interleaveEvery?: number;
}

/** Where and how to take part. */
export interface OpenOptions {
  url: string;
  task: string;
  /** The pinned identity keys, 32 bytes each. */
  keys: { leader: Uint8Array; helper?: Uint8Array };
  policy: Policy;
  gpu: boolean;
}

/** The names that the head's schema gives to what items carry. */
export interface Names {
  dense: string[];
  attributes: string[];
}

/** Items one after the other, as the module reads them. */
export interface Items {
  /** Of each item three: of its embedding, of its dense numbers, of its attributes' values. */
  lengths: Uint32Array;
  /** Of each item its score, its embedding and its dense numbers. */
  numbers: Float32Array;
  /** The place of each value's attribute among the names. */
  places: Uint16Array;
  /** Of each item its id and its values. */
  names: string[];
}

/** When something happens. */
export interface Moment {
  /** Milliseconds since 1970. */
  ms: number;
  /** What the user's clock adds to UTC, in minutes. */
  offsetMin: number;
}

/** What the user did with the one item. */
export interface Act {
  kind: string;
  items: Items;
  value: number;
  /** The slate that it was on. */
  slate: number | undefined;
  moment: Moment;
}

/** What is asked of an order. */
export interface Request {
  /** 0 for all candidates. */
  limit: number;
  diversity: number;
  /** Pairs of an attribute's place and the most of one value. */
  caps: Uint32Array;
  /** Pairs of a candidate and a place. */
  pins: Uint32Array;
  /** Nothing; or a dense number's place, under what it is fresh, the bonus, and at least how many within how many places. */
  freshness: Float32Array;
}

/** Which order a slate has. */
export type Kind = "personal" | "server" | "interleaved";

/** Places among the candidates, the best first; the parts of scores are in the candidates' own order. */
export interface Ranking {
  id: number;
  kind: Kind;
  order: Uint32Array;
  server: Float32Array;
  shared: Float32Array;
  personal: Float32Array;
  /** Ids of items. */
  because: (string | undefined)[];
  /** How many pins, candidates beyond caps and fresh candidates the rules could not have as they want. */
  unmet: Uint32Array;
}

/** What is to be forgotten. Times are milliseconds since 1970, from the first until before the second. */
export type Forgettable = { item: string } | { attribute: string; value: string } | { from: number; to: number };

/** What a contribution was, as the device and the server report it. */
export interface Receipt {
  round: number;
  /** The upload's id in hexadecimal. */
  id: string;
  /** Exactly the bytes that were sent. */
  bytes: Uint8Array;
  /** What was debited for it. */
  rho: number;
  /** How many uploads the server holds for the round. */
  count: number;
  /** The sum is opened over at least this many. */
  minCohort: number;
  /** How many examples the gradient was computed from; 0 where an earlier session did. Never sent. */
  examples: number;
  /** What computed the gradient. Never sent. */
  backend: Backend;
  /** 0 where an earlier session computed it. Never sent. */
  gradientMs: number;
  /** Clip, noise and encoding. Never sent. */
  releaseMs: number;
  /** From the request to the server's answer. Never sent. */
  sendMs: number;
}

/**
 * A dry run: what the next contribution is before it is noised, and what it would cost. It is for the eyes of the person
 * whose data it is. Nothing keeps it; whoever asks should not either.
 */
export interface Preview {
  /** How many examples the gradient is computed from. */
  examples: number;
  /** The gradient. */
  gradient: Float32Array;
  /** The same, shortened, in grid units. */
  clipped: Int32Array;
  /** The standard deviation of the noise that this device would add, in grid units. */
  deviation: number;
  /** How many bytes would be sent. */
  uploadBytes: number;
  /** What it would cost where enough others are honest. */
  rho: number;
  /** What it would cost where nobody else is. */
  rhoAlone: number;
  /** What is left of the budget before it. */
  rhoLeft: number;
}

/** The messages of the wire format that {@link Calls.inspect} takes apart. */
export type Message = "round" | "signed" | "upload" | "batch" | "aggregate-share" | "manifest";

/** A message by the names that `docs/wire-format.md` gives its fields. */
export type Fields = Record<string, number | string | Uint8Array | null>;

/** What computes gradients: compute shaders, or their twins on the CPU. */
export type Backend = "webgpu" | "scalar";

/** How the device stands. */
export interface Status {
  backend: Backend;
  /** Which order is shown: this device's, or the server's while that does better or nothing is known yet. */
  order: "personal" | "server";
  round: number;
  /** How many parameters the head has. */
  dimension: number;
  /** How many events the profile holds. */
  events: number;
  /** How many steps of learning from them are still to be taken. */
  owed: number;
  rhoSpent: number;
  rhoLeft: number;
}

/** What the page asks of the worker. */
export interface Calls {
  open(options: OpenOptions): Promise<Names>;
  record(act: Act): Promise<void>;
  rerank(candidates: Items, request: Request, moment: Moment): Promise<Ranking>;
  /** Whether that was not known before. */
  shown(slate: number): Promise<boolean>;
  /** Whether there is more to learn. */
  train(maxMs: number): Promise<boolean>;
  /** How many events were dropped. */
  forget(what: Forgettable): Promise<number>;
  export(): Promise<Uint8Array>;
  import(bytes: Uint8Array): Promise<void>;
  contribute(): Promise<Receipt>;
  preview(): Promise<Preview>;
  statement(): Promise<string>;
  /** An upload and an aggregate share are read as ones of the open round. Without bytes: the open round. */
  inspect(message: Message, bytes?: Uint8Array): Promise<Fields>;
  status(): Promise<Status>;
}

export type Call = keyof Calls;

/** A call on its way to the worker. */
export interface Asked {
  id: number;
  call: Call;
  args: unknown[];
}

/** An error on its way out of the worker: the classes of `Error` do not survive it. */
export interface Failure {
  code: string;
  message: string;
}

/** An answer on its way to the page. */
export type Reply = { id: number; value: unknown } | { id: number; failure: Failure };
