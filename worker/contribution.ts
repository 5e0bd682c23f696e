// The one way out of a device: debit, noise, store, send, each step durable before the next. The core decides what a
// step is; here is who may ask for one, and in which order.

import { Contributor, inspect, Terms, type Upload } from "../web/pkg/full/full.js";
import { hex } from "./bytes.ts";
import type { Context, Mark } from "./calls.ts";
import { anchored, keepingOf } from "./keeping.ts";
import type { Device } from "./module.ts";
import { pass, untilDrawn } from "./moment.ts";
import { pack, unpack } from "./pack.ts";
import type { Account, Backend, Entry, Limits, OpenOptions, Preview, Receipt, Widening } from "./protocol.ts";
import { codeOf, refusal, stillWanted } from "./refusal.ts";
import type { Sending, Sent } from "./sent.ts";
import { answerOf, type Progress, type Server, UPLOAD } from "./server.ts";
import { Shaders } from "./shaders.ts";
import { lasting, readLedger, type Store, writeLedger } from "./store.ts";
import { termsOf } from "./terms.ts";
import { type TokenTerms, Tokens } from "./tokens.ts";

/** How an upload was made, as far as this session made it. */
type Made = Pick<Receipt, "id" | "examples" | "gradientMs" | "releaseMs">;

/** Which call asked last, and which of the ledger's entries is its own. */
interface Asked {
  mark: Mark;
  entry: number;
}

/** A round as the server published it (no bytes: none) and the head that it names. */
export interface Published {
  round: Uint8Array;
  head: Uint8Array;
}

/** What a contribution needs of the host. */
export interface Way {
  readonly options: OpenOptions;
  readonly store: Store;
  readonly prefix: string;
  readonly server: Server;
  readonly sent: Sent;
  /** What the device that ranks was opened for. */
  readonly published: Published;
  device(): Device;
  /** Refuses where the user does not, or no longer, agree. */
  allow(): void;
  /** Stores the profile as it is: what was contributed is not new any more. */
  keep(): Promise<void>;
  /** The device is one caller's at a time. */
  turn<T>(work: () => T | Promise<T>): Promise<T>;
  /** Has the application's issuer sign blinded messages. */
  sign(blinded: Uint8Array): Promise<Uint8Array>;
}

/** How long the round is open, and how long the work before a release may take on a slow device. */
export interface Room {
  longestMs: number;
  leftMs: number;
}

/** By the clock, a round that is open for less than this is left to those who have been before. */
const LEAST_LEFT_MS = 600_000;
const UNTOLD = { examples: 0, gradientMs: 0, releaseMs: 0 };
/** Who resends waits for no answer and is nobody's call. */
const UNASKED: Pick<Context, "signal" | "onProgress"> = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

export class Contributions {
  readonly #way: Way;
  #contributor: Contributor | undefined;
  /** What that was opened for. */
  #published: Published | undefined;
  #made: Made | undefined;
  readonly #shaders: Shaders;
  readonly #tokens: Tokens;
  #refilling: ReturnType<typeof setTimeout> | undefined;
  /** The noised vectors of this session, by their uploads' ids. */
  readonly #noised = new Map<string, Int32Array>();

  constructor(way: Way) {
    this.#way = way;
    this.#shaders = new Shaders(way.options.backend, way.store, `${way.prefix}shaders`);
    const sign = (blinded: Uint8Array) => way.sign(blinded);
    this.#tokens = new Tokens(way.store, way.prefix, sign, way.options.policy.waitMs);
  }

  /** What shaders make of candidates, where the application wants them. In the device's turn; whatever fails, SIMD ranks. */
  async score(sight: () => Uint8Array): Promise<Float32Array | undefined> {
    if (!this.#shaders.wanted || this.#shaders.stand !== "in-use") return undefined;
    return this.#opened().then(
      (contributor) => this.#shaders.score(contributor, sight()).catch(() => undefined),
      () => undefined,
    );
  }

  /** Where shaders are to learn, what takes some of the steps that are owed, in the device's turn, and says how many. */
  async tuner(): Promise<(() => Promise<number>) | undefined> {
    const opening = this.#shaders.open(this.#way.device().dimension);
    // Whoever wants them waits for them; else SIMD goes on until they are there.
    if (this.#shaders.wanted) await opening;
    if (!this.#shaders.isOpen) return undefined;
    const { stand = "in-use" } = this.#shaders;
    const tune = async () => this.#shaders.tune(await this.#opened(), this.#way.device());
    // Whatever fails, SIMD learns: a ledger that cannot be read is none of its business.
    return stand === "in-use" ? () => tune().catch(() => 0) : undefined;
  }

  /** The GPU is given up, and what it holds with it. */
  close(): void {
    clearTimeout(this.#refilling);
    this.#contributor?.free();
    this.#contributor = undefined;
  }

  /** The ledger hears that a session begins, and tokens are asked for where few are left. */
  async session(): Promise<void> {
    await this.#step((contributor, stored) => contributor.session(stored, Date.now()));
    await this.#refill();
  }

  /** Nothing hangs on it: whoever wants a token then and has none is refused. */
  async #refill(): Promise<void> {
    clearTimeout(this.#refilling);
    const terms = await this.#tokenTerms();
    if (!terms || !this.#way.options.tokens) return;
    const refill = () => this.#alone(() => this.#tokens.refill(terms));
    const wait = await refill().catch((error: unknown) => {
      if (codeOf(error) === "token-refused") throw error;
      return undefined;
    });
    if (wait !== undefined) this.#refilling = setTimeout(() => void this.#refill().catch(() => undefined), wait);
  }

  /** What the round says of tokens, if it wants any. */
  #tokenTerms(): Promise<TokenTerms | undefined> {
    return this.#turn(({ tokenKey: key, tokenBlank: blank }) => (key && blank ? { key, blank } : undefined));
  }

  /** One contribution at a time over all tabs. A call that was begun before, by a tab that is gone, is not debited again. */
  contribute({ mark, signal, onProgress }: Context, startMs: number): Promise<Receipt> {
    return this.#alone(async () => {
      const begun = await this.#begun(mark);
      if (begun) return begun;
      stillWanted(signal);
      this.#way.allow();
      const earlier = await this.#unsent();
      const entry = (await this.entries()).length - (earlier ? 1 : 0);
      await this.#way.store.put({ [this.#asked]: pack({ mark, entry } satisfies Asked) }, true);
      if (earlier) return this.#send(earlier, { signal, onProgress });
      const { longestMs } = await this.#room();
      await this.#enough(2 * longestMs);
      const upload = await this.#release(onProgress);
      await pass(untilDrawn(startMs, longestMs, longestMs), signal);
      return this.#send(upload, { signal, onProgress });
    });
  }

  /** The next one, to be sent later, and how long that may be; nothing where one waits to be sent already. */
  make(): Promise<Room | undefined> {
    return this.#alone(async () => {
      if (await this.#unsent()) return undefined;
      const room = await this.#room();
      this.#way.allow();
      await this.#enough(2 * room.longestMs + LEAST_LEFT_MS);
      await this.#release(() => undefined);
      return room;
    });
  }

  /** Whether something is finished and was never answered. */
  async hasUnsent(): Promise<boolean> {
    return (await this.#unsent()) !== undefined;
  }

  /** What was finished and never answered goes out again, as it is. */
  async resend(): Promise<void> {
    await this.#alone(async () => {
      const unsent = await this.#unsent();
      if (unsent) await this.#send(unsent, UNASKED);
    });
  }

  #room(): Promise<Room> {
    return this.#turn(({ longestMs, deadlineMs }) => ({ longestMs, leftMs: Math.max(0, deadlineMs - Date.now()) }));
  }

  /** A round that ends before anything could be sent to it is not worth a debit. */
  async #enough(leastMs: number): Promise<void> {
    const { leftMs } = await this.#room();
    if (leftMs >= leastMs) return;
    throw refusal("round-over", `the round ends in ${leftMs} ms, and to send something may take ${leastMs} ms`);
  }

  /** Nobody else contributes meanwhile. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return lasting(this.#way.store).alone("contribution", work);
  }

  /** What is finished is given up: it is never sent, and what it cost stays spent. */
  async giveUp(): Promise<void> {
    const unsent = await this.#unsent();
    if (unsent) await this.#step((contributor, stored) => contributor.refused(stored, unsent, "erased"));
  }

  /** What was sent, with the noised vectors that this session knows. */
  withNoised(sendings: Sending[]): Sending[] {
    return sendings.map((sending) => {
      const noised = this.#noised.get(sending.id);
      return noised ? { ...sending, noised: noised.slice() } : sending;
    });
  }

  /** No noised vector outlives what it was made from. */
  forget(): void {
    this.#noised.clear();
  }

  entries(): Promise<Entry[]> {
    return this.#turn((contributor) => contributor.entries().map(entryFrom));
  }

  /** What was spent, what is left, and what computes. */
  account(): Promise<Account> {
    return this.#turn((contributor) => {
      const { backend, rhoSpent, rhoAgainstNothing, rhoAgainstAnyOther, rhoLeft } = contributor;
      this.#shaders.look(contributor);
      const { stand: shaders } = this.#shaders;
      const [wantsWider] = limitsFrom(contributor.wantsWider);
      const spent = { rhoSpent, rhoAgainstNothing, rhoAgainstAnyOther, rhoLeft };
      const limits = { widened: limitsFrom(contributor.widenings), ...(wantsWider && { wantsWider }) };
      return { backend: backend as Backend, ...(shaders && { shaders }), ...spent, ...limits };
    });
  }

  async statement(): Promise<string> {
    const { options, store } = this.#way;
    const keeping = await keepingOf(store, { ...options, tokens: options.tokens && !!(await this.#tokenTerms()) });
    const kept = { persistent: "kept", tokens: "tokens" }[keeping as string] ?? "evictable";
    return this.#turn((contributor) => contributor.statement(options.leader?.oneOwner === true, kept));
  }

  /** The user agreed by name to limits wider than those that the ledger was opened under. */
  widen(): Promise<void> {
    return this.#step((contributor, stored) => contributor.widen(stored, Date.now()));
  }

  /** The stages before the noise are in the answer, and nowhere else. */
  async preview(): Promise<Preview> {
    const preview = await this.#computing((contributor) => contributor.preview(this.#way.device().fresh()));
    const { examples, gradient, clipped, noise, deviation, uploadBytes, rho, rhoAlone, rhoLeft } = preview;
    preview.free();
    return { examples, gradient, clipped, noise, deviation, uploadBytes, rho, rhoAlone, rhoLeft };
  }

  /** One step of the ledger: read, changed and written while no other tab can, then said to be durable. */
  async #step(change: (contributor: Contributor, stored: Uint8Array) => Uint8Array): Promise<void> {
    await this.#turn(async (contributor) => {
      await writeLedger(this.#way.store, (stored) => change(contributor, stored));
      contributor.persisted();
    });
  }

  /** A turn in which a gradient is computed, by shaders where the application wants them. */
  async #computing<T>(work: (contributor: Contributor) => Promise<T>): Promise<T> {
    if (this.#shaders.wanted) await this.#shaders.open(this.#way.device().dimension);
    return this.#turn((contributor) => {
      this.#shaders.hand(contributor);
      return work(contributor);
    });
  }

  #turn<T>(work: (contributor: Contributor) => T | Promise<T>): Promise<T> {
    return this.#way.turn(async () => work(await this.#opened()));
  }

  /**
   * Opened when it is first wanted, and anew for another round. The one before looks at the ledger first, so that a store
   * that forgot is found out.
   */
  async #opened(): Promise<Contributor> {
    const { options, store, published } = this.#way;
    if (this.#contributor && this.#published === published) return this.#contributor;
    const ledger = store.lasting ? await readLedger(store) : new Uint8Array();
    this.#contributor?.tick(ledger, Date.now());
    const { round, head } = published;
    const opened = Contributor.open(termsOf(Terms, options), round, head, ledger, options.backend === "scalar");
    this.#shaders.move(this.#contributor, opened);
    this.#contributor?.free();
    [this.#contributor, this.#published] = [opened, published];
    return opened;
  }

  /** What has become of a call that a tab made before, if it has come to a debit. */
  async #begun({ tab, call }: Mark): Promise<Receipt | undefined> {
    const stored = await this.#way.store.get(this.#asked);
    const { mark, entry: place } = stored ? unpack<Asked>(stored) : { mark: undefined, entry: 0 };
    if (mark?.tab !== tab || mark.call !== call) return undefined;
    const entry = (await this.entries())[place];
    if (!entry || entry.fate === "ready") return undefined;
    const sending = (await this.#way.sent.all()).findLast(({ id }) => id === entry.id);
    const { answer } = sending ?? {};
    if (entry.fate !== "sent" || !sending) {
      throw refusal(answer?.code ?? "reservation-lost", "the tab that contributed was closed before it was done");
    }
    const { round, id, bytes } = sending;
    const { count = 0, minCohort = 0 } = answer ?? {};
    const backend = await this.#backend();
    return { ...UNTOLD, round, id, bytes, count, minCohort, rho: entry.rho, backend, sendMs: 0 };
  }

  /** Debits durably, and only then draws noise; stores what is finished, and only then lets it be sent. */
  async #release(onProgress: Context["onProgress"]): Promise<Upload> {
    const { options, store } = this.#way;
    const terms = await this.#tokenTerms();
    if (terms) await this.#tokens.ready(terms);
    // Tokens count only where they are wanted.
    else await anchored(store, { ...options, tokens: false });
    await this.#step((contributor, stored) => contributor.tick(stored, Date.now()));
    await this.#step((contributor, stored) => contributor.reserve(stored, Date.now()));
    onProgress({ stage: "reserved" });
    // In one turn: what is recorded meanwhile is not in it.
    const contribution = await this.#computing(async (contributor) => {
      const device = this.#way.device();
      const contribution = await contributor.contribute(device.fresh());
      device.contributed();
      return contribution;
    });
    const { id, examples, gradientMs, releaseMs } = contribution;
    this.#made = { id, examples, gradientMs, releaseMs };
    this.#noised.set(id, contribution.noised);
    contribution.free();
    await this.#step((contributor, stored) => contributor.ready(stored));
    onProgress({ stage: "ready" });
    await this.#way.keep();
    const unsent = await this.#unsent();
    if (!unsent) throw refusal("reservation-lost", "the finished upload is not in the store");
    return unsent;
  }

  /** Sends what is stored, to the task that it was made for, and stores the answer. */
  async #send(upload: Upload, { signal, onProgress }: typeof UNASKED): Promise<Receipt> {
    const { server } = this.#way;
    const { task, round, id, bytes, rho } = upload;
    const start = performance.now();
    const token = await this.#tokenFor(upload);
    stillWanted(signal);
    this.#way.allow();
    const url = server.place(task, round, id);
    const signed = this.#signedFor(bytes);
    const what = { task, round, id, bytes, ...(signed && { signed }) };
    const sending: Sending = { time: Date.now(), ...UPLOAD, url, ...what, token: token !== undefined };
    const answered = await this.#way.sent.begin(sending);
    let progress: Progress;
    try {
      progress = await server.upload(url, bytes, token, signal);
    } catch (error) {
      const { code, advice, status } = answerOf(error);
      await answered({ status: status ?? 0, code });
      // Only a server's own word is for good.
      if (advice === "refetch" || advice === "stop") {
        await this.#step((contributor, stored) => contributor.refused(stored, upload, code));
        await this.#way.store.put({ [this.#tokenKey(id)]: undefined });
      }
      throw error;
    }
    await answered({ status: 200, ...progress });
    await this.#step((contributor, stored) => contributor.sent(stored, upload));
    await this.#way.store.put({ [this.#tokenKey(id)]: undefined });
    onProgress({ stage: "sent" });
    const made = this.#made?.id === id ? this.#made : UNTOLD;
    const sendMs = performance.now() - start;
    return { ...made, round, id, bytes, rho, backend: await this.#backend(), ...progress, sendMs };
  }

  /** The round at hand, where these bytes were made for that one. */
  #signedFor(bytes: Uint8Array): Uint8Array | undefined {
    const { round } = this.#way.published;
    try {
      const { body } = inspect("signed", round, new Uint8Array());
      inspect("upload", bytes, body as Uint8Array);
      return round;
    } catch {
      return undefined;
    }
  }

  /** Out of the stock once for each upload, and kept until that is answered. */
  async #tokenFor({ id }: Upload): Promise<string | undefined> {
    const key = this.#tokenKey(id);
    const kept = await this.#way.store.get(key);
    const terms = kept ? undefined : await this.#tokenTerms();
    const token = kept ?? (terms && (await this.#tokens.take(terms, key)));
    return token && hex(token);
  }

  async #unsent(): Promise<Upload | undefined> {
    const { store } = this.#way;
    return this.#turn(async (contributor) => contributor.unsent(await readLedger(store), Date.now()));
  }

  get #asked(): string {
    return `${this.#way.prefix}asked`;
  }

  #tokenKey(id: string): string {
    return `${this.#way.prefix}token/${id}`;
  }

  async #backend(): Promise<Backend> {
    return (await this.account()).backend;
  }
}

/** Pairs of limits, each by its seven numbers. */
function limitsFrom(numbers: Float64Array): Widening[] {
  const at = (from: number): Limits => {
    const [
      lifetimeRho = 0,
      rhoPerRound = 0,
      rhoAlonePerRound = 0,
      alone = 0,
      waitMs = 0,
      sessions = 0,
      intervalMs = 0,
    ] = numbers.subarray(from);
    const rhoAlone = alone === Infinity ? "none" : alone;
    return { lifetimeRho, rhoPerRound, rhoAlonePerRound, rhoAlone, waitMs, sessions, intervalMs };
  };
  return Array.from({ length: numbers.length / 14 }, (_, n) => ({ from: at(14 * n), to: at(14 * n + 7) }));
}

function entryFrom(line: string): Entry {
  const [task = "", round, id = "", trusted, alone, fate = "", adjacency = ""] = line.split(" ");
  const rho = (nano: string | undefined) => Number(nano) / 1e9;
  return {
    task,
    round: Number(round),
    id,
    rho: rho(trusted),
    rhoAlone: rho(alone),
    fate: fate.toLowerCase() as Entry["fate"],
    adjacency: adjacency as Entry["adjacency"],
  };
}
