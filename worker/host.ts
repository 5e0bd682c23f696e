// The device of the leading tab: it owns the Wasm module, the profile and the ledger, and answers the calls of every tab.

import { sameBytes } from "./bytes.ts";
import type { Context, Mark } from "./calls.ts";
import type { Contributions, Published as PublishedBytes, RankingHalf } from "./contribution.ts";
import { roundAt } from "./prefetch.ts";
import { Journal, type Line, type Stored } from "./journal.ts";
import { headAt } from "./head.ts";
import { loadRelease } from "./release_loader.ts";
import { addressesOf, admit, type Admitted, forgetIn, itemsOf, loadRank, Ranker, Terms } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type * as Protocol from "./protocol.ts";
import type {
  Account,
  Act,
  Agreed,
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
  ProfileSummary,
  Ranking,
  Receipt,
  Report,
  Request,
  Requests,
  Status,
} from "./protocol.ts";
import { NamesSeen } from "./names.ts";
import { codeOf, refusal, stillWanted } from "./refusal.ts";
import { KEPT, namesOf, profileFrom, reportFrom } from "./report.ts";
import { keepingOf, keptIn } from "./keeping.ts";
import type { Sending } from "./sent.ts";
import type { Server } from "./server.ts";
import { lasting, readLedger, type Store } from "./store.ts";
import type { Leader } from "./tabs.ts";
import type { Settings } from "./settings.ts";
import { termsOf } from "./terms.ts";
import type { Sign } from "./tokens.ts";
import { Training } from "./training.ts";

/** What is published, and the round as it was verified. */
type Published = PublishedBytes & Partial<Admitted>;

/** The kinds of calls that it takes, each with its context at the end. */
type Answers = { [Name in Call]: (...args: [...Parameters<Calls[Name]>, Context]) => ReturnType<Calls[Name]> };

/** By the module's numbers. */
const KINDS = ["personal", "server", "interleaved"] as const;
/** How many of the latest things that the user did are told. */
const MOST_DEEDS = 256;
const NO_BYTES = new Uint8Array();
/** Of a ledger that cannot be read nothing is known. */
const UNREAD: Account = { backend: "scalar", ...spent(Number.NaN, Number.NaN) };

/** An account on which nothing, or one knows not what, was spent. */
function spent(rho: number, rhoLeft: number): Omit<Account, "backend"> {
  return { rhoSpent: rho, rhoAgainstNothing: rho, rhoAgainstAnyOther: rho, rhoLeft, widened: [] };
}

export class Host implements Leader, Answers, RankingHalf {
  readonly store: Store;
  readonly prefix: string;
  readonly server: Server;
  readonly options: OpenOptions;
  readonly sign: Sign;
  #journal: Journal;
  settings: Settings = { personalise: false, contribute: false, paused: false };
  published: Published = { round: NO_BYTES, head: NO_BYTES };
  #device: Ranker | undefined;
  /** The half that contributes, once it was wanted; and it on its way, where learning wants it. */
  #contributions: Contributions | undefined;
  #releaseLoading: Promise<unknown> | undefined;
  #restored = false;
  #last: Promise<unknown> = Promise.resolve();
  readonly #training = new Training(
    (work) => this.exclusive(() => work(this.#personalises ? this.#device : undefined)),
    (much) => this.#shaderSteps(much),
  );
  /** Until the last erasure is over: what is said meanwhile counts afterwards. */
  #erased: Promise<unknown> = Promise.resolve();
  /** What nobody waited for, and failed last. */
  #refused: string | undefined;
  /** The slates that were made since the profile was stored last, and those before. */
  readonly #slates = new Set<number>();
  readonly #keptSlates = new Set<number>();
  readonly #names = new NamesSeen();

  private constructor(options: OpenOptions, store: Store, server: Server, askToken: Sign) {
    this.store = store;
    this.prefix = `${options.task}/`;
    this.server = server;
    this.options = options;
    this.sign = askToken;
    this.#journal = new Journal(store, this.prefix);
  }

  static async start(
    options: OpenOptions,
    store: Store,
    server: Server,
    askToken: Sign,
    prefetched: Promise<Admitted | undefined>,
  ): Promise<Host> {
    const startMs = performance.now();
    const host = new Host(options, store, server, askToken);
    // Side by side: whoever opens waits for all of it.
    const loaded = prefetched.then(() => loadRank(options.wasm?.rank, options.integrity));
    const admitted = options.leader && prefetched.then((it) => it ?? host.#asked(loaded));
    admitted?.catch(() => undefined);
    const profile = host.#journal.read();
    profile.catch(() => undefined);
    const stored = ["head", "settings"].map((name) => host.#stored(name));
    await loaded;
    await host.#install(await host.#firstPublished(admitted, stored[0]));
    const [before, settings] = await Promise.all(stored);
    if (settings) host.settings = unpack<Settings>(settings);
    await host.#restore(profile, before !== undefined && !sameBytes(before, host.published.head));
    // A store that is full is no reason not to rank.
    await host.#keepPublished().catch(() => undefined);
    host.#takePart(startMs);
    return host;
  }

  async answer(call: string, args: unknown[], context: Context): Promise<unknown> {
    const method = this[call as Call] as unknown as (...args: unknown[]) => Promise<unknown>;
    return method.call(this, ...args, context);
  }

  async close(): Promise<void> {
    await this.exclusive(() => {
      const kept = this.#snapshot();
      this.#device?.free();
      this.#device = undefined;
      this.#contributions?.close();
      return kept;
    });
  }

  device(): Ranker {
    if (!this.#device) throw refusal("closed", "this personalizer is closed");
    return this.#device;
  }

  /** Only while it is agreed to, and to somebody. */
  allow(): void {
    if (!this.options.leader) throw refusal("not-taking-part", "no aggregators are named");
    if (!this.settings.contribute) throw refusal("consent-missing", "the user has not agreed to contribute");
    if (this.settings.paused) throw refusal("paused", "this personalizer is paused");
  }

  keep(): Promise<void> {
    return this.exclusive(() => this.#snapshot());
  }

  exclusive<T>(work: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async open(): Promise<Names> {
    const { damaged } = this.#journal;
    return { ...namesOf(this.device()), ...(damaged && { damaged }) };
  }

  async consent({ widen, ...parts }: Agreed): Promise<Consent> {
    await this.#erased;
    await this.choose({ ...this.settings, ...parts });
    await this.#keepPublished();
    if (widen) {
      this.allow();
      lasting(this.store);
      await (await this.contributing()).widen();
    }
    this.#takePart(performance.now());
    this.#training.byItself();
    const { personalise, contribute } = this.settings;
    return { personalise, contribute };
  }

  async pause(paused: boolean): Promise<void> {
    await this.#erased;
    await this.choose({ ...this.settings, paused });
    this.#training.byItself();
  }

  async record(act: Act, { mark, signal }: Context): Promise<boolean> {
    let stored: Promise<void> | undefined;
    await this.exclusive(() => {
      stillWanted(signal);
      if (!this.#personalises) return;
      if (!this.#journal.isNew(mark)) {
        // It is asked again by whoever heard no answer, or that there was no room.
        stored = this.#journal.flush();
        return;
      }
      stored = Promise.resolve();
      this.#record(act);
      // A slate that the stored profile does not know has to come with it: its items stand in the device alone.
      const { slate } = act;
      const line = (slate === undefined || this.#keptSlates.has(slate)) && !this.#journal.isLong;
      stored = line ? this.#journal.append({ call: "record", args: [act] }, mark) : this.#snapshot(mark);
    });
    // Whoever is told that it was recorded may be gone the next moment.
    await stored;
    this.#training.byItself();
    return stored !== undefined;
  }

  async rerank(
    candidates: Protocol.Items,
    request: Request,
    { ms, offsetMin }: Moment,
    { signal }: Context,
  ): Promise<Ranking> {
    return this.exclusive(async () => {
      stillWanted(signal);
      // Without consent what is known stays out of it: the rules are kept, and the order is the server's.
      const device = this.settings.personalise ? this.device() : this.#blank();
      if (this.settings.personalise) this.#names.note(candidates.names);
      const { limit, diversity, caps, pins, freshness } = request;
      const seen = await this.#contributions?.score(() => device.scoringBatch(itemsOf(candidates), ms, offsetMin));
      const slate = device.rerank(itemsOf(candidates), limit, diversity, caps, pins, freshness, ms, offsetMin, seen);
      const { id, kind, order, server, shared, personal, because, likeness, unmet } = slate;
      slate.free();
      if (this.settings.personalise) this.#slates.add(id);
      else device.free();
      // What is less like it than nothing at all is not why it is shown.
      const speaks = (place: number) => (likeness[place] ?? 0) > 0;
      const ids = Array.from(because, (known, place) => (speaks(place) ? this.#names.of(known) : undefined));
      return { id, kind: KINDS[kind] ?? "server", order, server, shared, personal, because: ids, unmet };
    });
  }

  async shown(slate: number, { mark }: Context): Promise<boolean> {
    const [isNew, stored] = await this.exclusive(() => {
      if (!this.#personalises) return [false];
      if (!this.#journal.isNew(mark)) return [false, this.#journal.flush()];
      if (!this.device().shown(slate)) return [false];
      return [true, this.#snapshot(mark)];
    });
    this.#training.byItself();
    await stored;
    return isNew;
  }

  async train(maxMs: number, context: Context): Promise<boolean> {
    this.device();
    return this.#training.byHand(maxMs, context);
  }

  async forget(what: Forgettable, { mark }: Context): Promise<number> {
    const [dropped, stored] = await this.exclusive(() => {
      if (!this.#journal.isNew(mark)) return [0, this.#journal.flush()];
      const device = this.device();
      // Which of them were forgotten the core does not say; the rest come back as they are recorded and ranked.
      this.#names.clear();
      this.#contributions?.forget();
      const dropped = forgetIn(device, what);
      return [dropped, this.#snapshot(mark)];
    });
    this.#training.byItself();
    await stored;
    return dropped;
  }

  async export(): Promise<Uint8Array> {
    return this.exclusive(() => this.device().export());
  }

  /** What is taken back is whole: whatever was damaged makes way for it. */
  async import(bytes: Uint8Array, { mark }: Context): Promise<void> {
    const [stored] = await this.exclusive(() => {
      if (!this.#journal.isNew(mark)) return [this.#journal.flush()];
      if (!this.settings.personalise) throw refusal("consent-missing", "the user has not agreed to be remembered");
      this.device().import(bytes, false);
      this.#journal.damaged = undefined;
      return [this.#snapshot(mark)];
    });
    this.#training.byItself();
    await stored;
  }

  /** Whatever the ledger's half says, the rest goes. What that could not give up now, it gives up before anything else. */
  async erase(): Promise<Erased> {
    // Whoever waits to send something looks at this first, and nothing is remembered from here on.
    this.#chosen({ personalise: false, contribute: false, paused: false });
    const erased = this.#alone(async () => {
      const failed = await this.#giveUp();
      this.#names.clear();
      this.#contributions?.forget();
      this.#slates.clear();
      this.#keptSlates.clear();
      this.#restored = false;
      await this.#install(this.published);
      await this.#journal.settled();
      this.#journal = new Journal(this.store, this.prefix);
      await this.store.clear();
      if (!failed) return;
      await this.choose({ ...this.settings, erased: true });
      throw failed.error;
    });
    this.#erased = erased.catch(() => undefined);
    await erased;
    return { kept: await this.ledger(), rhoSpent: (await this.#account()).rhoSpent, because: KEPT };
  }

  async contribute(context: Context): Promise<Receipt> {
    this.allow();
    lasting(this.store);
    return (await this.contributing()).contribute(context);
  }

  async refresh(): Promise<boolean> {
    if (!this.options.leader) throw refusal("not-taking-part", "no aggregators are named");
    const published = await this.#fetched(this.#asked());
    this.#refused = undefined;
    if (sameBytes(published.round, this.published.round)) return false;
    await this.#alone(() => this.#install(published, true));
    await this.keep();
    await this.#keepPublished();
    this.#training.byItself();
    return true;
  }

  async preview(): Promise<Preview> {
    return (await this.contributing()).preview();
  }

  async statement(): Promise<string> {
    return (await this.contributing()).statement();
  }

  async inspect(message: Message, bytes?: Uint8Array, signed = this.published.round): Promise<Fields> {
    const { inspect } = await loadRelease(this.options.wasm?.release, this.options.integrity);
    const round = inspect("signed", signed, NO_BYTES)["body"] as Uint8Array;
    return inspect(message, bytes ?? (message === "signed" ? signed : round), round);
  }

  async epsilon(rho: number, delta: number): Promise<number> {
    return (await loadRelease(this.options.wasm?.release, this.options.integrity)).epsilon(rho, delta);
  }

  async ledger(): Promise<Entry[]> {
    return (await this.#accounted())?.entries() ?? [];
  }

  async log(): Promise<Sending[]> {
    const contributions = this.#contributions ?? (await this.#accounted());
    return contributions?.log() ?? [];
  }

  /** The browser lists a worker's requests for the worker alone. */
  async requests(): Promise<Requests> {
    const { head, wasm, leader, task } = this.options;
    const rounds = leader ? [[roundAt(leader.url, task), "round"] as const] : [];
    const modules = addressesOf(wasm).map((url) => [url, "module"] as const);
    const heads = typeof head === "string" ? [[head, "head"] as const] : [];
    const asks = Object.fromEntries([...modules, ...heads, ...rounds, ...this.server.asked]);
    const timeline = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    const seen = timeline.map(({ name: url, startTime, responseStatus, transferSize }) => ({
      ...{ url, time: performance.timeOrigin + startTime, status: responseStatus ?? 0, received: transferSize },
    }));
    return { asks, seen };
  }

  async report(): Promise<Report> {
    return this.exclusive(() => reportFrom(this.device().report()));
  }

  async profile({ ms }: Moment): Promise<ProfileSummary> {
    return this.exclusive(() => profileFrom(this.device(), this.#names, MOST_DEEDS, ms));
  }

  async status(): Promise<Status> {
    const seen = await this.exclusive(() => {
      const { personal, simd, round, dimension, events, owed, wantsToken } = this.device();
      return { personal, simd, round, dimension, events, owed, wantsToken };
    });
    const { refused = this.#refused, ...account } = await this.#account().catch((error: unknown) => {
      return { ...UNREAD, refused: codeOf(error) };
    });
    const { personal, simd, wantsToken, ...plain } = seen;
    const { personalise, contribute, paused } = this.settings;
    const keeping = await keepingOf(this.store, { ...this.options, tokens: this.options.tokens && wantsToken });
    const profile = this.#journal.damaged ?? (this.#restored ? "restored" : "new");
    return {
      ...account,
      ...plain,
      ...{ steps: this.#training.steps, trainingMs: this.#training.ms },
      order: personal && this.settings.personalise ? "personal" : "server",
      kernels: simd ? "simd128" : "scalar",
      ...{ consent: { personalise, contribute }, paused, profile, ...(await keptIn(this.store)), keeping },
      ...(refused && { refused }),
    };
  }

  /** Shaders are tried where the application wants them, or where there is much to learn: loaded once, while SIMD goes on. */
  async #shaderSteps(much: boolean): Promise<(() => Promise<number>) | undefined> {
    const { backend } = this.options;
    if (!this.#personalises || (backend !== "webgpu" && !(much && backend === "auto"))) return undefined;
    this.#releaseLoading ??= this.contributing().catch(() => undefined);
    if (backend === "webgpu") await this.#releaseLoading;
    return this.#contributions?.tuner();
  }

  get #personalises(): boolean {
    return this.settings.personalise && !this.settings.paused;
  }

  /** The profile as it is takes the place of all that is stored of it, slates and lines. */
  async #snapshot(mark?: Mark): Promise<void> {
    if (!this.settings.personalise && this.#journal.isEmpty) return;
    for (const slate of this.#slates) this.#keptSlates.add(slate);
    this.#slates.clear();
    return this.#journal.replace(this.device().export(), mark);
  }

  /** A device that knows nothing. */
  #blank(): Ranker {
    return Ranker.local(termsOf(Terms, this.options), this.published.head);
  }

  /** The half that contributes. */
  async contributing(): Promise<Contributions> {
    const { Contributions } = await loadRelease(this.options.wasm?.release, this.options.integrity);
    this.#contributions ??= new Contributions(this);
    if (this.settings.erased) {
      await this.#contributions.giveUp();
      await this.choose({ ...this.settings, erased: false });
    }
    return this.#contributions;
  }

  async #giveUp(): Promise<{ error: unknown } | undefined> {
    try {
      await (await this.#accounted())?.giveUp();
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** The same, where there is an account for it to keep. */
  async #accounted(): Promise<Contributions | undefined> {
    const isNew = !this.store.lasting || (await readLedger(this.store)).length === 0;
    return isNew ? undefined : this.contributing();
  }

  async #account(): Promise<Account & { refused?: string | undefined }> {
    const contributions = this.#contributions ?? (await this.#accounted());
    if (contributions) return contributions.account();
    return this.exclusive(() => {
      const { lifetimeRho, simd } = this.device();
      return {
        backend: simd && this.options.backend !== "scalar" ? "simd" : "scalar",
        ...spent(0, lifetimeRho),
      };
    });
  }

  /** Nobody contributes meanwhile, in any tab. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.store.lasting ? this.store.alone("contribution", work) : work();
  }

  #record({ kind, items, value, slate, moment }: Act): void {
    this.device().record(kind, itemsOf(items), value, slate, moment.ms, moment.offsetMin);
    this.#names.note(items.names);
  }

  /** The profile as it was left, where it can be read; under another head all that it learns is learnt anew. */
  async #restore(profile: Promise<Stored>, anew: boolean): Promise<void> {
    const load = (snapshot: Uint8Array) => this.device().import(snapshot, anew);
    const replay = ({ args }: Line) => this.#record(args[0] as Act);
    this.#restored = await this.#journal.restore(profile, load, replay);
    // What was read before the damage was found is not used.
    if (this.#journal.damaged) await this.#install(this.published);
    if (anew) await this.keep().catch(() => undefined);
    this.#training.byItself();
  }

  /** A device for this round and head takes the place of the one before, with its profile if so wished. */
  async #install(published: Published, keep = false): Promise<void> {
    await this.exclusive(() => {
      const device = this.#open(published);
      try {
        if (keep) device.import(this.device().export(), true);
      } catch (error) {
        this.#journal.damaged = codeOf(error);
      }
      this.#device?.free();
      this.#device = device;
      this.published = published;
      this.#contributions?.published(published);
    });
  }

  /** What to start from when nobody answers. */
  async #keepPublished(): Promise<void> {
    const { round, head } = this.published;
    if (this.settings.personalise) await this.store.put({ [this.#key("round")]: round, [this.#key("head")]: head });
  }

  /** What is published now; where nobody answers, what was published last; where nothing was, the application's head. */
  async #firstPublished(
    asked: Promise<Admitted> | undefined,
    before?: Promise<Uint8Array | undefined>,
  ): Promise<Published> {
    const { head } = this.options;
    const own = async () => {
      return { round: NO_BYTES, head: (typeof head === "string" ? await headAt(head) : head) ?? NO_BYTES };
    };
    if (!asked) return own();
    try {
      return await this.#fetched(asked, before);
    } catch (error) {
      if (!["server-unreachable", "round-pending"].includes(codeOf(error) ?? "")) throw error;
      this.#refused = codeOf(error);
      const [round, kept] = await Promise.all([this.#stored("round"), before]);
      if (round && kept) return { round, head: kept };
      if (!head) throw error;
      return own();
    }
  }

  async #asked(loaded?: Promise<unknown>): Promise<Admitted> {
    const round = await this.server.round(this.options.task);
    await loaded;
    return admit(this.options, round);
  }

  /** The round that is open now, and its head: ours where it is the one that the round names. */
  async #fetched(asked: Promise<Admitted>, before?: Promise<Uint8Array | undefined>): Promise<Published> {
    const { round, verified, coming } = await asked;
    const known = [this.published.head, coming ?? before, this.options.head];
    return { round, head: await this.server.head(verified.head, known), verified };
  }

  #stored(name: string): Promise<Uint8Array | undefined> {
    return this.store.get(this.#key(name)).catch(() => undefined);
  }

  /** Where contributing is agreed to, the half that does it is loaded while there is a connection, and goes by the clock. */
  #takePart(sinceMs: number): void {
    const { leader, scheduled } = this.options;
    if (!leader || !this.settings.contribute || !(this.store.lasting || scheduled)) return;
    const begin = async () => (await this.contributing()).session(sinceMs);
    begin().catch((error: unknown) => (this.#refused = codeOf(error)));
  }

  #chosen(settings: Settings): void {
    this.settings = settings;
    this.#contributions?.chosen(settings);
  }

  async choose(settings: Settings): Promise<void> {
    this.#chosen(settings);
    await this.store.put({ [this.#key("settings")]: pack(settings) }, true);
  }

  #key(name: string): string {
    return this.prefix + name;
  }

  #open({ round, head, verified }: Published): Ranker {
    const terms = termsOf(Terms, this.options);
    return round.length ? Ranker.open(verified ?? terms.admit(round), head) : Ranker.local(terms, head);
  }
}
