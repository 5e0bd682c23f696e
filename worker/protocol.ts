// What crosses between the page and the worker: names, numbers and typed arrays.

import type { Asking, Reply } from "./calls.ts";
import type { Integrity } from "./integrity.ts";
import type { Keeping } from "./keeping.ts";
import type { Sending } from "./sent.ts";

/** Where a module lies, or what was compiled of it. */
export type Source = string | WebAssembly.Module;

/** Where the application keeps the modules, where that is not beside the worker. */
export interface Sources {
  rank?: Source;
  release?: Source;
}

/** Limits that no server can widen. What is left out is the default. */
export interface Policy {
  /** All that this device ever spends, as zCDP rho. Default 1.052: an epsilon of 8 at a delta of 1e-6. */
  lifetimeRho?: number;
  /** The most that one round may cost. Default 0.03125. */
  rhoPerRound?: number;
  /** The most that one round may cost where nobody else is honest. Default 32. */
  rhoAlonePerRound?: number;
  /** All that this device ever spends where nobody else is honest. Default `none`: that is told and not limited. */
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
  /** The least that a device adds itself where aggregators add the noise, in multiples of the clip norm. Default 0.25. */
  minPartMultiplier?: number;
  /** How far ahead a round's deadline may lie. Default 14 days. */
  deadlineMs?: number;
  /** Who may add the noise: this device alone, or many, each a part. Default both. */
  modes?: readonly ("device" | "split")[];
  /** How long a new ledger waits before its first contribution. Default a day. */
  waitMs?: number;
  /** How many sessions must have started before it. Default 2. */
  sessions?: number;
  /** How far apart two contributions to one task are. Default a week. */
  intervalMs?: number;
  /**
   * One slate in this many is an interleaving of the server's order and this device's, and every one while it is open
   * which does better. 0 for none, and then nothing is compared: this device's order stays, good or bad. Default 10.
   */
  interleaveEvery?: number;
}

/**
 * What a page loads for its worker while that starts. Nothing of it where the page could not load it: the worker asks again,
 * and says what is wrong.
 */
export interface Prefetched {
  rank?: WebAssembly.Module | undefined;
  round?: Uint8Array | undefined;
}

/** How a device is opened: by names, numbers, bytes and a module, all of which cross to a worker. */
export interface OpenOptions {
  /** The task's name, which the profile is kept under, too. */
  task: string;
  /** Names the page: its calls are the same ones, whichever of its workers passes them on. */
  tab: string;
  /** Whom to contribute to; nobody where it is left out. */
  leader?: { url: string; keys: { leader: Uint8Array; helper?: Uint8Array }; oneOwner: boolean };
  /** A head that the application brings. */
  head?: Uint8Array | string;
  /** The Wasm module, or where it is; beside the worker where it is left out. */
  wasm?: Sources;
  /** The application's own hashes of what is loaded. */
  integrity?: Integrity;
  policy: Policy;
  backend: Choice;
  memory: boolean;
  /** Whether it contributes by the clock, unasked. */
  scheduled: boolean;
  /** Whether the application has tokens signed. */
  tokens: boolean;
  /** Whether its clock keeps a process alive. A page has none. */
  keepAlive: boolean;
  /** Whether it contributes on a ledger that the browser may delete. */
  allowEvictable?: boolean;
}

/** What the user agrees to. Nothing is, until it is said. */
export interface Consent {
  /** To remember what is done here, to learn from it on this device, and to order by it. */
  personalise: boolean;
  /** To contribute noised gradients. */
  contribute: boolean;
}

/** What a user says: what is left out stays as it is. */
export interface Agreed extends Partial<Consent> {
  /** With `contribute`: the policy's limits take the place of tighter ones that the ledger was opened under. */
  widen?: boolean;
}

/** The names that the head's schema gives to what items carry. */
export interface Names {
  dense: string[];
  attributes: string[];
  /** Of what can be done with an item. */
  kinds: string[];
  /** The code of what is wrong with the stored profile, which then is left as it is, unused. */
  damaged?: string;
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
  /** Noise as this device would add it, in grid units: a draw of its own, which no contribution ever uses. */
  noise: Int32Array;
  /** The standard deviation of that. */
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

/** What the device has asked the network for. */
export interface Requests {
  /** What it asks each address for. A request to any other address is not this package's. */
  asks: Record<string, Asked>;
  /** What the browser's own list has of the worker that made them, oldest first. */
  seen: Seen[];
}

/** What an address is asked for. */
export type Asked = "module" | "round" | "head" | "upload";

/** A request as a browser lists it. */
export interface Seen {
  url: string;
  /** When it began, in milliseconds since 1970. */
  time: number;
  /** 0 where nobody answered, or another origin does not let it be known. */
  status: number;
  /** How many bytes of its answer crossed the network; 0 where it came out of a cache, or as with the status. */
  received: number;
}

/** What an application wants to be computed by. */
export type Choice = "auto" | Backend;

/** What computes gradients, and what learns much at once: compute shaders, SIMD, or plain code. */
export type Backend = "webgpu" | "simd" | "scalar";

/**
 * How it stands with WebGPU once that was tried: in use, slower here than SIMD, or what was wrong with it. Whatever that is,
 * SIMD goes on from the last whole step.
 */
export type Shaders =
  | "in-use"
  | "slower"
  | "no-adapter"
  | "device-refused"
  | "shader-refused"
  | "wrong-numbers"
  | "device-lost"
  | "out-of-memory"
  | "gpu-failed"
  | "gpu-silent";

/** What was spent, and what is left: no number (`NaN`) where the ledger cannot be read, and `refused` says why. */
export interface Account {
  /** What computes gradients, and what learns much at once. */
  backend: Backend;
  /** Nothing until WebGPU was tried. */
  shaders?: Shaders;
  /** What was charged against the lifetime's budget. */
  rhoSpent: number;
  /** The rho of all that was spent between this device's data and nothing, whatever kind of rounds it was spent on. */
  rhoAgainstNothing: number;
  /** The same between this device's data and any other. */
  rhoAgainstAnyOther: number;
  rhoLeft: number;
  /** What the policy asks for beyond the limits that hold: nothing comes of it until `consent({ contribute: true, widen: true })`. */
  wantsWider?: Widening;
  /** The limits that the user agreed to widen, one after the other. */
  widened: Widening[];
}

/** The limits that stand in a ledger. Tighter ones of the policy hold at once. */
export interface Limits {
  lifetimeRho: number;
  rhoPerRound: number;
  rhoAlonePerRound: number;
  rhoAlone: number | "none";
  waitMs: number;
  sessions: number;
  intervalMs: number;
}

/** Limits before, and what they become. */
export interface Widening {
  from: Limits;
  to: Limits;
}

/** How the device stands. */
export interface Status extends Account {
  /** Which order is shown: this device's, or the server's while that does better or nothing is known yet. */
  order: "personal" | "server";
  /** What ranks and learns: SIMD, or plain code in a module that was built without it. */
  kernels: "simd128" | "scalar";
  /** 0 where there is none. */
  round: number;
  /** How many parameters the head has. */
  dimension: number;
  /** How many events the profile holds. */
  events: number;
  /** How many steps of learning from them are still to be taken. */
  owed: number;
  /** How many steps this session has taken, and how many milliseconds of the worker's time they took. */
  steps: number;
  trainingMs: number;
  consent: Consent;
  paused: boolean;
  /** What is kept where. In `memory` it ends with the page, and nothing is ever contributed; `none` on a server. */
  storage: "indexeddb" | "file" | "memory" | "none";
  /** Why nothing is kept for good, in plain words, where it is not: a page without https, a window that refuses. */
  because?: string;
  /** Whether it stays until somebody removes it: the browser has promised, or it is a folder. */
  persisted: boolean;
  /** What the lifetime's budget rests on. */
  keeping: Keeping;
  /** `new`, `restored`, or the code that the stored profile is refused with: then it is left as it is, unused. */
  profile: string;
  /** What a contribution, or a look for a new round, that nobody waited for was refused with last. */
  refused?: string;
}

/** An estimate with the 95% interval around it. */
export interface Interval {
  estimate: number;
  low: number;
  high: number;
}

/**
 * How the server's order and this device's did where both were interleaved. An order wins an interleaving when more of
 * what it put there was clicked; the two shares make up 1, and are one half each for whoever clicks at random.
 */
export interface Report {
  /** Of the interleavings with a winner, the share that the server's order won of late; nothing before the first. */
  server?: Interval;
  /** The share that this device's order won. */
  personal?: Interval;
  /** The second less the first. */
  difference?: Interval;
  /** How many slates were shown and are closed, interleaved or not. A slate closes when four others were shown after it. */
  slates: number;
  /** How many interleavings each order won by clicks, since the comparison began. */
  interleaved: { server: number; personal: number; neither: number };
  /** How many clicks named no slate that was open for them. */
  clicksIgnored: number;
}

/** What is remembered, as a person can read it. Ids and values have names where this session has seen them. */
export interface ProfileSummary {
  /** How many events the profile was folded from. */
  events: number;
  /** How many of them spoke for an item: personalising rests on these. */
  evidence: number;
  /** The latest things that the user did, at most 256, the latest first. */
  recent: { item?: string; kind: string; time: number }[];
  /** What was counted of the values of attributes. */
  counted: {
    attribute: string;
    value?: string;
    /** How much of it was chosen; it fades, and events count by their labels. */
    chosen: number;
    /** How much of it was shown; it fades. */
    shown: number;
    /** How often it is chosen where it is shown, by what is known here and of everybody. */
    rate: number;
    /** How often everybody chooses, by the head. */
    usual: number;
  }[];
}

/** A contribution that was ever debited, and what has become of it. */
export interface Entry {
  task: string;
  round: number;
  /** The upload's id in hexadecimal. */
  id: string;
  /** What it cost where one aggregator is honest. */
  rho: number;
  /** What `rho` is between: this device's data and nothing, or any other data. */
  adjacency: "zeroed" | "replaced";
  /** What it cost where nobody else is honest. */
  rhoAlone: number;
  /** `dropped`: nobody answered until its round was over. */
  fate: "reserved" | "lost" | "ready" | "sent" | "refused" | "dropped";
}

/** What an erasure leaves. */
export interface Erased {
  kept: Entry[];
  rhoSpent: number;
  /** Why that is kept, in plain words. */
  because: string;
}

/** How far a call is. */
export type Progress = { stage: "reserved" | "ready" | "sent" } | { owed: number };

/** What a page asks of the device. */
export interface Calls {
  open(): Promise<Names>;
  consent(parts: Agreed): Promise<Consent>;
  pause(paused: boolean): Promise<void>;
  /** Whether it was recorded: not without consent. */
  record(act: Act): Promise<boolean>;
  rerank(candidates: Items, request: Request, moment: Moment): Promise<Ranking>;
  /** Whether that was not known before. */
  shown(slate: number): Promise<boolean>;
  /** Whether there is more to learn. */
  train(maxMs: number): Promise<boolean>;
  /** How many events were dropped. */
  forget(what: Forgettable): Promise<number>;
  export(): Promise<Uint8Array>;
  import(bytes: Uint8Array): Promise<void>;
  erase(): Promise<Erased>;
  contribute(): Promise<Receipt>;
  /** Whether there is a new round. */
  refresh(): Promise<boolean>;
  preview(): Promise<Preview>;
  statement(): Promise<string>;
  /** An upload and an aggregate share are read as ones of this signed round, or the open one. Without bytes: that round. */
  inspect(message: Message, bytes: Uint8Array | undefined, signed: Uint8Array | undefined): Promise<Fields>;
  epsilon(rho: number, delta: number): Promise<number>;
  ledger(): Promise<Entry[]>;
  log(): Promise<Sending[]>;
  requests(): Promise<Requests>;
  status(): Promise<Status>;
  report(): Promise<Report>;
  profile(moment: Moment): Promise<ProfileSummary>;
}

export type Call = keyof Calls;

/** What crosses: what to open, then calls and their answers, in both directions. */
export type Wire =
  | { open: OpenOptions }
  | { down: Asking }
  | { up: Reply }
  | { askPage: Asking }
  | { pageSays: Reply }
  | { prefetched: Prefetched };
