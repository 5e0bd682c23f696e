// The tab that leads: it owns the Wasm module, the profile and the ledger, and answers every call of every tab.

import type { Context, Mark } from "./calls.ts";
import { Contributions, type Way } from "./contribution.ts";
import { Journal, type Line } from "./journal.ts";
import { addressesOf, type Device, type Full, loadFull, loadRank, type Module, type Ranker } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type * as Protocol from "./protocol.ts";
import type {
  Act,
  Backend,
  Call,
  Calls,
  Consent,
  Entry,
  Erased,
  Fields,
  Forgettable,
  Message,
  Moment,
  Names,
  OpenOptions,
  Preview,
  Ranking,
  Receipt,
  Request,
  Requests,
  Status,
} from "./protocol.ts";
import { codeOf, refusal, stillWanted } from "./refusal.ts";
import { slotAt, slotsOf, untilNext } from "./schedule.ts";
import type { Sending } from "./sent.ts";
import { answerOf, bytesAt, Server } from "./server.ts";
import { readLedger, type Store } from "./store.ts";
import type { Leader } from "./tabs.ts";

/** What is agreed to, and what is drawn once. */
interface Settings extends Consent {
  paused: boolean;
  /** Where this device's slots begin, as a part of one. */
  offset: number;
  /** The slot in which it looked last whether to contribute. */
  slot: number;
}

/** A round as the server published it (no bytes: none) and the head that it names. */
interface Published {
  round: Uint8Array;
  head: Uint8Array;
}

/** The kinds of calls that it takes, each with its context at the end. */
type Answers = { [Name in Call]: (...args: [...Parameters<Calls[Name]>, Context]) => ReturnType<Calls[Name]> };

/** By the module's numbers. */
const KINDS = ["personal", "server", "interleaved"] as const;
/** A call waits for one slice of learning at most. */
const SLICE_MS = 8;
/** As many ids as there are events in the core's log. */
const MOST_IDS = 4096;
const NO_BYTES = new Uint8Array();
const KEPT =
  "The ledger is kept: what was contributed cannot be called back, and only a ledger that knows what was spent " +
  "can hold the lifetime limit. It names tasks, rounds, costs and random ids, and nothing that was done here.";

/** Asks the page for a token. */
export type AskToken = (task: string, round: number) => Promise<Uint8Array>;

export class Host implements Leader, Answers, Way {
  readonly store: Store;
  readonly prefix: string;
  readonly server: Server;
  readonly #options: OpenOptions;
  readonly #askToken: AskToken;
  readonly #contributions: Contributions;
  #journal: Journal;
  #settings: Settings = { personalise: false, contribute: false, paused: false, offset: Math.random(), slot: 0 };
  #published: Published = { round: NO_BYTES, head: NO_BYTES };
  #module!: Module;
  /** Where the full module is the one at work. */
  #full: Full | undefined;
  #device: Ranker | undefined;
  #restored = false;
  #refused: string | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #learning = false;
  /** Whether the ledger has heard of this session. */
  #begun = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The slates that were made since the profile was stored last, and those before. */
  readonly #slates = new Set<number>();
  readonly #keptSlates = new Set<number>();
  /** The ids of this session's items: the core knows their keys alone. */
  readonly #ids = new Map<bigint, string>();

  private constructor(options: OpenOptions, store: Store, askToken: AskToken) {
    this.store = store;
    this.prefix = `${options.task}/`;
    this.server = new Server(options.leader?.url ?? "");
    this.#options = options;
    this.#askToken = askToken;
    this.#contributions = new Contributions(this);
    this.#journal = new Journal(store, this.prefix);
  }

  static async start(options: OpenOptions, store: Store, askToken: AskToken): Promise<Host> {
    const host = new Host(options, store, askToken);
    host.#module = await loadRank(options.wasm?.rank);
    const settings = await store.get(host.#key("settings")).catch(() => undefined);
    if (settings) host.#settings = unpack<Settings>(settings);
    const before = await host.#stored("head");
    await host.#install(await host.#firstPublished());
    await host.#restore(before !== undefined && !sameBytes(before, host.#published.head));
    await host.#keepPublished();
    await host.#session();
    host.#look();
    return host;
  }

  async answer(call: string, args: unknown[], context: Context): Promise<unknown> {
    const method = this[call as Call] as unknown as (...args: unknown[]) => Promise<unknown>;
    return method.call(this, ...args, context);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.turn(() => {
      const kept = this.#snapshot();
      this.#device = undefined;
      return kept;
    });
  }

  device(): Ranker {
    if (!this.#device) throw refusal("closed", "this personalizer is closed");
    return this.#device;
  }

  /**
   * The full module takes the place of the one that ranks: what is remembered goes over as its export, the account as it
   * is stored. The old one looks at that first, so that a store that forgot is found out.
   */
  async fill(): Promise<void> {
    if (this.#full) return;
    const full = await loadFull(this.#options.wasm?.full);
    await this.turn(async () => {
      if (this.#full) return;
      const { round, head } = this.#published;
      const before = this.device();
      const ledger = this.store.lasting ? await readLedger(this.store) : NO_BYTES;
      if (this.store.lasting) before.tick(ledger, Date.now());
      const device = await full.Device.open(termsOf(full, this.#options), round, head, ledger, this.#options.gpu);
      device.import(before.export(), false);
      before.free();
      [this.#module, this.#full, this.#device] = [full, full, device];
    });
  }

  filled(): Device {
    if (!this.#full) throw refusal("worker-failed", "the full module is not there");
    return this.device() as Device;
  }

  /** Only while it is agreed to, and to somebody. */
  allow(): void {
    if (!this.#options.leader) throw refusal("not-taking-part", "no aggregators are named");
    if (!this.#settings.contribute) throw refusal("consent-missing", "the user has not agreed to contribute");
    if (this.#settings.paused) throw refusal("paused", "this personalizer is paused");
  }

  keep(): Promise<void> {
    return this.turn(() => this.#snapshot());
  }

  turn<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  signed(task: string, round: number): Uint8Array | undefined {
    return task === this.#options.task && round === this.device().round ? this.#published.round : undefined;
  }

  async token(task: string, round: number): Promise<Uint8Array | undefined> {
    return this.#options.tokens ? this.#askToken(task, round) : undefined;
  }

  async open(): Promise<Names> {
    const { dense, attributes } = this.device();
    return { dense, attributes };
  }

  async consent(parts: Partial<Consent>): Promise<Consent> {
    await this.#keep({ ...this.#settings, ...parts });
    await this.#keepPublished();
    await this.#session();
    this.#look();
    this.#learn();
    const { personalise, contribute } = this.#settings;
    return { personalise, contribute };
  }

  async pause(paused: boolean): Promise<void> {
    await this.#keep({ ...this.#settings, paused });
    this.#learn();
  }

  async record(act: Act, { mark, signal }: Context): Promise<boolean> {
    let stored: Promise<void> | undefined;
    await this.turn(() => {
      stillWanted(signal);
      if (!this.#personalises) return;
      stored = Promise.resolve();
      if (!this.#journal.isNew(mark)) return;
      this.#record(act);
      // A slate that the stored profile does not know has to come with it: its items stand in the device alone.
      const { slate } = act;
      const line = (slate === undefined || this.#keptSlates.has(slate)) && !this.#journal.isLong;
      stored = line ? this.#journal.append({ call: "record", args: [act] }, mark) : this.#snapshot(mark);
    });
    this.#learn();
    // Whoever is told that it was recorded may be gone the next moment.
    await stored;
    return stored !== undefined;
  }

  async rerank(
    candidates: Protocol.Items,
    request: Request,
    { ms, offsetMin }: Moment,
    { signal }: Context,
  ): Promise<Ranking> {
    return this.turn(async () => {
      stillWanted(signal);
      // Without consent what is known stays out of it: the rules are kept, and the order is the server's.
      const device = this.#settings.personalise ? this.device() : await this.#blank();
      const { limit, diversity, caps, pins, freshness } = request;
      const slate = device.rerank(this.#items(candidates), limit, diversity, caps, pins, freshness, ms, offsetMin);
      const { id, kind, order, server, shared, personal, because, likeness, unmet } = slate;
      slate.free();
      if (this.#settings.personalise) this.#slates.add(id);
      else device.free();
      // What is less like it than nothing at all is not why it is shown.
      const speaks = (place: number) => (likeness[place] ?? 0) > 0;
      const ids = Array.from(because, (known, place) => (speaks(place) ? this.#ids.get(known) : undefined));
      return { id, kind: KINDS[kind] ?? "server", order, server, shared, personal, because: ids, unmet };
    });
  }

  async shown(slate: number, { mark }: Context): Promise<boolean> {
    const [isNew, stored] = await this.turn(() => {
      if (!this.#personalises || !this.#journal.isNew(mark) || !this.device().shown(slate)) return [false];
      return [true, this.#snapshot(mark)];
    });
    this.#learn();
    await stored;
    return isNew;
  }

  /** Other calls come between its slices. */
  async train(maxMs: number, { signal, onProgress }: Context): Promise<boolean> {
    const end = performance.now() + maxMs;
    const slice = () => {
      const more = this.#personalises && this.device().train(Math.min(SLICE_MS, maxMs));
      onProgress({ owed: this.device().owed });
      return more;
    };
    let more = await this.turn(slice);
    while (more && performance.now() < end) {
      stillWanted(signal);
      more = await this.turn(slice);
    }
    return more;
  }

  async forget(what: Forgettable, { mark }: Context): Promise<number> {
    const [dropped, stored] = await this.turn(() => {
      if (!this.#journal.isNew(mark)) return [0];
      const device = this.device();
      // Which of them were forgotten the core does not say; the rest come back as they are recorded.
      this.#ids.clear();
      this.#contributions.forget();
      const dropped = forgetIn(device, what);
      return [dropped, this.#snapshot(mark)];
    });
    this.#learn();
    await stored;
    return dropped;
  }

  async export(): Promise<Uint8Array> {
    return this.turn(() => this.device().export());
  }

  /** What is taken back is whole: whatever was damaged makes way for it. */
  async import(bytes: Uint8Array, { mark }: Context): Promise<void> {
    const [stored] = await this.turn(() => {
      if (!this.#journal.isNew(mark)) return [];
      if (!this.#settings.personalise) throw refusal("consent-missing", "the user has not agreed to be remembered");
      this.device().import(bytes, false);
      this.#journal.damaged = undefined;
      return [this.#snapshot(mark)];
    });
    this.#learn();
    await stored;
  }

  async erase(): Promise<Erased> {
    const work = async () => {
      if (this.store.lasting) await this.#contributions.giveUp();
      const { offset, slot } = this.#settings;
      this.#settings = { personalise: false, contribute: false, paused: false, offset, slot };
      this.#ids.clear();
      this.#contributions.forget();
      this.#slates.clear();
      this.#keptSlates.clear();
      this.#restored = false;
      await this.#install(this.#published);
      await this.#journal.settled();
      this.#journal = new Journal(this.store, this.prefix);
      await this.store.clear();
    };
    await (this.store.lasting ? this.#contributions.alone(work) : work());
    const kept = await this.#contributions.entries();
    return { kept, rhoSpent: await this.turn(() => this.device().rhoSpent), because: KEPT };
  }

  async contribute(context: Context): Promise<Receipt> {
    this.allow();
    try {
      const receipt = await this.#contributions.contribute(context);
      this.#refused = undefined;
      return receipt;
    } catch (error) {
      const { code, advice } = answerOf(error);
      if (code !== "round-over" && advice !== "refetch") throw error;
      const isNew = await this.refresh().catch(() => false);
      // Nothing was debited for a round that is over by the device's own clock.
      if (code !== "round-over" || !isNew) throw error;
      return this.#contributions.contribute(context);
    }
  }

  async refresh(): Promise<boolean> {
    const published = await this.#fetched();
    if (sameBytes(published.round, this.#published.round)) return false;
    const swap = () => this.#install(published, true);
    await (this.store.lasting ? this.#contributions.alone(swap) : swap());
    await this.keep();
    await this.#keepPublished();
    this.#learn();
    return true;
  }

  /** The stages before the noise are in the answer, and nowhere else. */
  async preview(): Promise<Preview> {
    await this.fill();
    const preview = await this.turn(() => this.filled().preview());
    const { examples, gradient, clipped, noise, deviation, uploadBytes, rho, rhoAlone, rhoLeft } = preview;
    preview.free();
    return { examples, gradient, clipped, noise, deviation, uploadBytes, rho, rhoAlone, rhoLeft };
  }

  async statement(): Promise<string> {
    await this.fill();
    return this.turn(() => this.filled().statement());
  }

  async inspect(message: Message, bytes?: Uint8Array, signed = this.#published.round): Promise<Fields> {
    const { inspect } = await loadFull(this.#options.wasm?.full);
    const round = inspect("signed", signed, NO_BYTES)["body"] as Uint8Array;
    return inspect(message, bytes ?? (message === "signed" ? signed : round), round);
  }

  async epsilon(rho: number, delta: number): Promise<number> {
    return (await loadFull(this.#options.wasm?.full)).epsilon(rho, delta);
  }

  async ledger(): Promise<Entry[]> {
    return this.#contributions.entries();
  }

  async log(): Promise<Sending[]> {
    return this.#contributions.log();
  }

  /** The browser lists a worker's requests for the worker alone. */
  async requests(): Promise<Requests> {
    const { head, wasm } = this.#options;
    const modules = addressesOf(wasm).map((url) => [url, "module"] as const);
    const heads = typeof head === "string" ? [[head, "head"] as const] : [];
    const asks = Object.fromEntries([...modules, ...heads, ...this.server.asked]);
    const timeline = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const seen = timeline.map(({ name: url, startTime, responseStatus, transferSize }) => ({
      ...{ url, time: performance.timeOrigin + startTime, status: responseStatus ?? 0, received: transferSize },
    }));
    return { asks, seen };
  }

  async status(): Promise<Status> {
    // While a shader computes nobody else may look at the device, either.
    const seen = await this.turn(() => {
      const { backend, personal, round, dimension, events, owed, rhoSpent, rhoLeft } = this.device();
      return { backend: backend as Backend, personal, round, dimension, events, owed, rhoSpent, rhoLeft };
    });
    const { personal, ...plain } = seen;
    const { personalise, contribute, paused } = this.#settings;
    const promised = globalThis.navigator?.storage?.persisted;
    const persisted = this.store.lasting && (await promised?.call(navigator.storage)) === true;
    const profile = this.#journal.damaged ?? (this.#restored ? "restored" : "new");
    return {
      ...plain,
      order: personal && this.#settings.personalise ? "personal" : "server",
      ...{ consent: { personalise, contribute }, paused, storage: this.store.kind, persisted, profile },
      ...(this.#refused && { refused: this.#refused }),
    };
  }

  get #personalises(): boolean {
    return this.#settings.personalise && !this.#settings.paused;
  }

  /** The profile as it is takes the place of all that is stored of it, slates and lines. */
  async #snapshot(mark?: Mark): Promise<void> {
    if (!this.#settings.personalise && this.#journal.isEmpty) return;
    for (const slate of this.#slates) this.#keptSlates.add(slate);
    this.#slates.clear();
    return this.#journal.replace(this.device().export(), mark);
  }

  /** A device that knows nothing. */
  async #blank(): Promise<Ranker> {
    return this.#module.Device.open(
      termsOf(this.#module, this.#options),
      NO_BYTES,
      this.#published.head,
      NO_BYTES,
      false,
    );
  }

  #record({ kind, items, value, slate, moment }: Act): void {
    this.device().record(kind, this.#items(items), value, slate, moment.ms, moment.offsetMin);
    const [id = ""] = items.names;
    const known = this.#module.key(id);
    this.#ids.delete(known);
    this.#ids.set(known, id);
    for (const [oldest] of this.#ids) {
      if (this.#ids.size <= MOST_IDS) break;
      this.#ids.delete(oldest);
    }
  }

  /** The profile as it was left, where it can be read; under another head all that it learns is learnt anew. */
  async #restore(anew: boolean): Promise<void> {
    const load = (snapshot: Uint8Array) => this.device().import(snapshot, anew);
    const replay = ({ args }: Line) => this.#record(args[0] as Act);
    this.#restored = await this.#journal.restore(load, replay);
    // What was read before the damage was found is not used.
    if (this.#journal.damaged) await this.#install(this.#published);
    if (anew) await this.keep();
    this.#learn();
  }

  /** A device for this round and head takes the place of the one before, with its profile if so wished. */
  async #install(published: Published, keep = false): Promise<void> {
    const { round, head } = published;
    const ledger = this.store.lasting ? await readLedger(this.store) : NO_BYTES;
    await this.turn(async () => {
      const device = await this.#open(round, head, ledger);
      try {
        if (keep) device.import(this.device().export(), true);
      } catch (error) {
        this.#journal.damaged = codeOf(error);
      }
      this.#device?.free();
      this.#device = device;
      this.#published = published;
    });
  }

  /** What to start from when nobody answers. */
  async #keepPublished(): Promise<void> {
    const { round, head } = this.#published;
    if (this.#settings.personalise) await this.store.put({ [this.#key("round")]: round, [this.#key("head")]: head });
  }

  /** What is published now; where nobody answers, what was published last; where nothing was, the application's head. */
  async #firstPublished(): Promise<Published> {
    const { head, leader } = this.#options;
    const own = async () => {
      return { round: NO_BYTES, head: (typeof head === "string" ? await bytesAt(head) : head) ?? NO_BYTES };
    };
    if (!leader) return own();
    try {
      return await this.#fetched();
    } catch (error) {
      if (!["server-unreachable", "round-pending"].includes(codeOf(error) ?? "")) throw error;
      this.#refused = codeOf(error);
      const [round, kept] = [await this.#stored("round"), await this.#stored("head")];
      if (round && kept) return { round, head: kept };
      if (!head) throw error;
      return own();
    }
  }

  /** The round that is open now, and its head: ours where it is the one that the round names. */
  async #fetched(): Promise<Published> {
    if (!this.#options.leader) throw refusal("not-taking-part", "no aggregators are named");
    const round = await this.server.round(this.#options.task);
    const hash = termsOf(this.#module, this.#options).headOf(round);
    const { head } = this.#options;
    for (const known of [this.#published.head, await this.#stored("head"), head]) {
      if (known instanceof Uint8Array && (await hashOf(known)) === hash) return { round, head: known };
    }
    return { round, head: await this.server.head(hash) };
  }

  #stored(name: string): Promise<Uint8Array | undefined> {
    return this.store.get(this.#key(name)).catch(() => undefined);
  }

  /** Where contributing is agreed to, the ledger hears that a session begins, and what was left unsent goes out. */
  async #session(): Promise<void> {
    if (this.#begun || !this.#options.leader || !this.#settings.contribute || !this.store.lasting) return;
    this.#begun = true;
    // Fetched while there is a connection: a contribution that is due without one is made, and sent later.
    loadFull(this.#options.wasm?.full).catch(() => undefined);
    await this.#contributions.step((device, stored) => device.session(stored, Date.now()));
    if (!this.#settings.paused) this.#contributions.resend().catch((error) => (this.#refused = codeOf(error)));
  }

  /** By the clock, and by nothing that the user does: once in a slot, it is asked whether a contribution is due. */
  #look(): void {
    clearTimeout(this.#timer);
    if (!this.#options.scheduled || !this.#options.leader || !this.#settings.contribute) return;
    const slots = slotsOf(this.#options.policy.intervalMs, this.#settings.offset);
    const slot = slotAt(slots, Date.now());
    this.#timer = setTimeout(() => this.#look(), untilNext(slots, Date.now()));
    if (slot === this.#settings.slot || this.#settings.paused) return;
    const mark = { tab: "clock", call: slot };
    const context = { mark, signal: new AbortController().signal, onProgress: () => undefined };
    this.#keep({ ...this.#settings, slot })
      .then(() => this.refresh().catch(() => false))
      .then(() => this.contribute(context))
      .catch((error) => (this.#refused = codeOf(error)));
  }

  async #keep(settings: Settings): Promise<void> {
    this.#settings = settings;
    await this.store.put({ [this.#key("settings")]: pack(settings) }, true);
  }

  /** Slice after slice as long as there is something to learn; calls come between. */
  #learn(): void {
    if (this.#learning) return;
    this.#learning = true;
    const slice = async () => {
      // A module that has failed says so in the answer to the next call.
      const work = () => this.#device !== undefined && this.#personalises && this.#device.train(SLICE_MS);
      this.#learning = await this.turn(work).catch(() => false);
      if (this.#learning) setTimeout(slice);
    };
    void slice();
  }

  #key(name: string): string {
    return this.prefix + name;
  }

  /** By the module that is at work. */
  async #open(round: Uint8Array, head: Uint8Array, ledger: Uint8Array): Promise<Ranker> {
    const module = this.#module;
    return module.Device.open(termsOf(module, this.#options), round, head, ledger, this.#options.gpu);
  }

  /** The module takes them over: nobody has to free them. */
  #items({ lengths, numbers, places, names }: Protocol.Items): InstanceType<Module["Items"]> {
    return new this.#module.Items(lengths, numbers, places, names);
  }
}

function forgetIn(device: Ranker, what: Forgettable): number {
  if ("item" in what) return device.forgetItem(what.item);
  if ("attribute" in what) return device.forgetAttribute(what.attribute, what.value);
  return device.forgetTime(what.from, what.to);
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}

/** A limit that is left out, or undefined, is the default's. */
function termsOf(
  { Terms }: Pick<Module, "Terms">,
  { task, leader, policy }: OpenOptions,
): InstanceType<Module["Terms"]> {
  const terms = new Terms(task, leader?.keys.leader ?? NO_BYTES, leader?.keys.helper);
  const { lifetimeRho, rhoPerRound, rhoAlone, minCohort, maxCohort, maxDimension, maxDelta } = policy;
  const { minNoiseMultiplier, modes, waitMs, sessions, intervalMs, interleaveEvery } = policy;
  if (lifetimeRho !== undefined) terms.lifetimeRho = lifetimeRho;
  if (rhoPerRound !== undefined) terms.rhoPerRound = rhoPerRound;
  if (rhoAlone !== undefined && rhoAlone !== "none") terms.rhoAlone = rhoAlone;
  if (minCohort !== undefined) terms.minCohort = minCohort;
  if (maxCohort !== undefined) terms.maxCohort = maxCohort;
  if (maxDimension !== undefined) terms.maxDimension = maxDimension;
  if (maxDelta !== undefined) terms.maxDelta = maxDelta;
  if (minNoiseMultiplier !== undefined) terms.minNoiseMultiplier = minNoiseMultiplier;
  if (modes !== undefined) terms.allowModes(modes.includes("device"), modes.includes("split"));
  if (waitMs !== undefined) terms.waitMs = waitMs;
  if (sessions !== undefined) terms.sessions = sessions;
  if (intervalMs !== undefined) terms.intervalMs = intervalMs;
  if (interleaveEvery !== undefined) terms.interleaveEvery = interleaveEvery;
  return terms;
}
