// The host of the half that contributes. Rust decides when a device contributes and in which order (`crate/participation`);
// this file carries out its effects and reports what came of each.

import { Participation, Terms } from "../web/pkg/release/release.js";
import type { Context } from "./calls.ts";
import { isPersistent } from "./keeping.ts";
import type { Ranker } from "./module.ts";
import type { Account, Backend, Entry, OpenOptions, Preview, Receipt } from "./protocol.ts";
import { gaveUp, refusal } from "./refusal.ts";
import type { Sending } from "./sent.ts";
import { answerOf, type Server, UPLOAD } from "./server.ts";
import type { Settings } from "./settings.ts";
import { Shaders } from "./shaders.ts";
import type { Changes, Store } from "./store.ts";
import { termsOf } from "./terms.ts";
import { type Sign, signedTokens } from "./tokens.ts";

/** A round as the server published it (no bytes: none) and the head that it names. */
export interface Published {
  round: Uint8Array;
  head: Uint8Array;
}

/** The half of the device that ranks, as far as a contribution needs it. */
export interface RankingHalf {
  readonly options: OpenOptions;
  readonly store: Store;
  readonly prefix: string;
  readonly server: Server;
  readonly settings: Settings;
  /** What it was opened for. */
  readonly published: Published;
  device(): Ranker;
  /** Stores the profile as it is: what was contributed is not new any more. */
  keep(): Promise<void>;
  /** Mutual exclusion: the device is one caller's at a time. */
  exclusive<T>(work: () => T | Promise<T>): Promise<T>;
  /** Looks which round is open, and takes it. */
  refresh(): Promise<boolean>;
  /** Has the application's issuer sign blinded messages. */
  readonly sign: Sign;
}

/** A call that the core has not answered yet. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onProgress?: Context["onProgress"];
}

/** The name of the device's own lock; every other lock is shared with whoever has the store open. */
const DEVICE = "device";

export class Contributions {
  readonly #half: RankingHalf;
  readonly #core: Participation;
  readonly #shaders: Shaders;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  /** How to cancel what is under way, by effect. */
  readonly #endings = new Map<number, () => void>();
  #closed = false;

  constructor(half: RankingHalf) {
    const { options, store, prefix, settings, published } = half;
    const { leader, scheduled, tokens, allowEvictable = false, backend } = options;
    this.#half = half;
    this.#shaders = new Shaders(backend, store, `${prefix}shaders`);
    const terms = termsOf(Terms, options);
    const [oneOwner, plain] = [leader?.oneOwner === true, backend === "scalar"];
    const given = [oneOwner, store.lasting, scheduled, tokens, allowEvictable, plain] as const;
    this.#core = new Participation(this, terms, leader?.url, ...given);
    this.published(published);
    this.chosen(settings);
  }

  /** Another round is published. */
  published({ round, head }: Published): void {
    this.#core.published(round, head);
  }

  /** The user chose anew. */
  chosen({ contribute, paused }: Settings): void {
    this.#core.chosen(contribute, paused);
  }

  /** No noised vector outlives what it was made from. */
  forget(): void {
    this.#core.forgotten();
  }

  /** The ledger hears that a session begins, or the user chose anew; from here on the clock decides. */
  async session(sinceMs: number): Promise<void> {
    await this.#openWanted();
    return this.#call((call) => this.#core.session(call, sinceMs));
  }

  async contribute({ mark: { tab, call: number }, signal, onProgress }: Context): Promise<Receipt> {
    await this.#openWanted();
    let asked = 0;
    const giveUp = () => {
      const { code, message } = gaveUp(signal.reason);
      if (!this.#closed) this.#core.gaveUp(asked, code, message);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      const ask = (call: number) => this.#core.contribute((asked = call), tab, number);
      const receipt = await this.#call<Omit<Receipt, "backend">>(ask, onProgress);
      return { ...receipt, backend: this.#core.backend as Backend };
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  /** The stages before the noise are in the answer, and nowhere else. */
  async preview(): Promise<Preview> {
    await this.#openWanted();
    return this.#ask("preview");
  }

  /** What taking part means, in plain words. */
  statement(): Promise<string> {
    return this.#ask("statement");
  }

  /** The user agreed by name to limits wider than those that the ledger was opened under. */
  widen(): Promise<void> {
    return this.#ask("widen");
  }

  /** What is finished is given up: it is never sent, and what it cost stays spent. */
  giveUp(): Promise<void> {
    return this.#ask("giveUp");
  }

  entries(): Promise<Entry[]> {
    return this.#ask("entries");
  }

  /** What was sent, with the noised vectors that this session knows. */
  async log(): Promise<Sending[]> {
    const log = await this.#ask<Omit<Sending, "method" | "headers">[]>("log");
    return log.map(({ time, ...sending }) => ({ time, ...UPLOAD, ...sending }));
  }

  /** What was spent, what is left, what computes, and what was refused that nobody waited for. */
  async account(): Promise<Account & { refused?: string }> {
    const account = await this.#ask<Omit<Account, "backend" | "shaders">>("account");
    this.#shaders.look(this.#core);
    const { stand: shaders } = this.#shaders;
    return { backend: this.#core.backend as Backend, ...(shaders && { shaders }), ...account };
  }

  /** Scores candidates by WebGPU, where the application asks for it. Its caller holds the device. If it fails, SIMD ranks. */
  async score(batch: () => Uint8Array): Promise<Float32Array | undefined> {
    if (!this.#shaders.wanted || this.#shaders.stand !== "in-use") return undefined;
    return this.#shaders.score(this.#core, batch()).catch(() => undefined);
  }

  /** Where shaders are to learn, what takes some of the owed steps and says how many. Its caller holds the device. */
  async tuner(): Promise<(() => Promise<number>) | undefined> {
    const opening = this.#shaders.open(this.#half.device().dimension);
    // Whoever wants them waits for them; else SIMD goes on until they are there.
    if (this.#shaders.wanted) await opening;
    if (!this.#shaders.isOpen) return undefined;
    const { stand = "in-use" } = this.#shaders;
    const tune = () => this.#shaders.tune(this.#core, this.#half.device());
    // Whatever fails, SIMD learns.
    return stand === "in-use" ? () => tune().catch(() => 0) : undefined;
  }

  /** Releases the GPU and rejects what waits. */
  close(): void {
    this.#closed = true;
    for (const end of this.#endings.values()) end();
    for (const { reject } of this.#waiting.values()) reject(refusal("closed", "this personalizer is closed"));
    this.#core.free();
  }

  // Effects. Each is answered under its number, and never synchronously: the core is still running.

  read(id: number, key: string): void {
    this.#answer(id, this.#half.store.get(key));
  }

  keys(id: number, prefix: string): void {
    this.#tell(id, this.#half.store.keys(prefix), (keys) => this.#core.keysAre(id, keys));
  }

  write(id: number, changes: Changes, durable: boolean): void {
    this.#answer(id, this.#half.store.put(changes, durable));
  }

  lock(id: number, name: string): void {
    const giving = new AbortController();
    this.#endings.set(id, () => giving.abort());
    const hold = () =>
      new Promise<void>((release) => {
        if (this.#closed || giving.signal.aborted) return release();
        this.#endings.set(id, release);
        this.#core.answered(id, undefined);
      });
    const held = name === DEVICE ? this.#half.exclusive(hold) : this.#half.store.alone(name, hold, giving.signal);
    held.catch((error: unknown) => this.#refuse(id, error));
  }

  unlock(id: number): void {
    this.cancel(id);
  }

  timer(id: number, ms: number, awaited: boolean): void {
    const timer = setTimeout(() => {
      this.#endings.delete(id);
      this.#core.answered(id, undefined);
    }, ms);
    this.#endings.set(id, () => clearTimeout(timer));
    if (!awaited && !this.#half.options.keepAlive) (timer as { unref?(): void }).unref?.();
  }

  now(id: number): void {
    this.#answer(id, Promise.resolve());
  }

  cancel(id: number): void {
    const end = this.#endings.get(id);
    this.#endings.delete(id);
    end?.();
  }

  persisted(id: number): void {
    this.#answer(id, isPersistent(this.#half.store));
  }

  upload(id: number, url: string, bytes: Uint8Array, token: string | undefined): void {
    const giving = new AbortController();
    this.#endings.set(id, () => giving.abort());
    const sent = this.#half.server.upload(url, bytes, token, giving.signal);
    this.#tell(id, sent, ({ count, minCohort }) => this.#core.acknowledged(id, count, minCohort));
  }

  tokens(id: number, key: Uint8Array, blank: Uint8Array, count: number): void {
    this.#tell(id, signedTokens(key, blank, count, this.#half.sign), (tokens) => this.#core.tokensAre(id, tokens));
  }

  newExamples(id: number): void {
    this.#answer(
      id,
      atOnce(() => this.#half.device().fresh()),
    );
  }

  contributed(id: number): void {
    this.#answer(
      id,
      atOnce(() => this.#half.device().contributed()),
    );
  }

  keepProfile(id: number): void {
    this.#answer(id, this.#half.keep());
  }

  refresh(id: number): void {
    this.#tell(id, this.#half.refresh(), () => this.#core.answered(id, undefined));
  }

  // Results of calls.
  replied(call: number, value: unknown): void {
    this.#settle(call)?.resolve(value);
  }

  failed(call: number, error: unknown): void {
    this.#settle(call)?.reject(error);
  }

  progress(call: number, stage: string): void {
    this.#waiting.get(call)?.onProgress?.({ stage });
  }

  #settle(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }

  #ask<T>(what: string): Promise<T> {
    return this.#call((call) => this.#core.ask(call, what));
  }

  #call<T>(begin: (call: number) => void, onProgress?: Context["onProgress"]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(refusal("closed", "this personalizer is closed"));
      const call = ++this.#calls;
      this.#waiting.set(call, { resolve: resolve as Waiting["resolve"], reject, ...(onProgress && { onProgress }) });
      begin(call);
    });
  }

  #answer(id: number, done: Promise<Uint8Array | boolean | void | undefined>): void {
    this.#tell(id, done, (value) => this.#core.answered(id, value));
  }

  #tell<T>(id: number, done: Promise<T>, tell: (value: T) => void): void {
    done.then(
      (value) => {
        this.#endings.delete(id);
        if (!this.#closed) tell(value);
      },
      (error: unknown) => this.#refuse(id, error),
    );
  }

  #refuse(id: number, error: unknown): void {
    this.#endings.delete(id);
    if (this.#closed) return;
    const { code, advice, status = 0 } = answerOf(error);
    this.#core.refused(id, code, String(Object(error).message ?? error), advice, status);
  }

  /** Whoever wants shaders waits for them, and does not hold the device meanwhile: a browser may take its time. */
  async #openWanted(): Promise<void> {
    if (!this.#shaders.wanted) return;
    await this.#shaders.open(this.#half.device().dimension);
    this.#shaders.hand(this.#core);
  }
}

async function atOnce<T>(work: () => T): Promise<T> {
  return work();
}
