// What an application calls: arguments are checked and flattened, then the device is asked.

import type {
  Calls,
  Agreed,
  Consent,
  Erased,
  Forgettable,
  Names,
  Preview,
  ProfileSummary,
  Progress,
  Ranking,
  Receipt,
  Report,
  Status,
} from "../../worker/protocol.ts";
import { Audit } from "./audit.ts";
import type { Client } from "./client.ts";
import { type ErrorCode, gaveUp, PrivetError } from "./error.ts";
import { checkCandidates, checkConsent, checked, checkRequest, checkServe } from "./check.ts";
import { itemsFrom, momentAt, requestFrom } from "./items.ts";
import { type Held, hold, type Place } from "./openings.ts";
import { servedAnswer, serverSlate } from "./served.ts";
import type { Candidate, Interaction, Options, Request, Schema, Score, Slate } from "./types.ts";
import { visible } from "./visible.ts";

/** A call may be ended early by a signal, `AbortSignal.timeout` among them. */
interface Ending {
  signal?: AbortSignal;
}

/** A profile, a head and a ledger, on this device. Opened by `createPersonalizer`. */
export class Personalizer<S extends Schema = Schema> {
  /** What left, what it cost, and what would leave next. */
  readonly audit: Audit;
  /** The open device; undefined on a server, where there is none. */
  readonly #held: Held | undefined;
  #isClosed = false;
  readonly #names: Names;

  private constructor(held?: Held) {
    this.#held = held;
    this.#names = held?.names ?? { dense: [], attributes: [], kinds: [] };
    this.audit = new Audit(this);
  }

  /** @internal */
  static async open<S extends Schema>(options: Options<S>, at?: Place): Promise<Personalizer<S>> {
    const { signal, schema, worker, storage } = options as Options;
    checkServe(worker, storage);
    const own = at !== undefined || typeof storage === "object";
    if (typeof indexedDB === "undefined" && !own) return new Personalizer<S>();
    if (!worker && typeof Worker === "undefined") throw new PrivetError("worker-failed", "there are no workers");
    const held = await hold(options as Options, at);
    try {
      if (schema) agree(schema, held.names);
    } catch (error) {
      await held.release();
      throw error;
    }
    const { damaged } = held.names;
    if (damaged !== undefined)
      console.warn(`privet: the stored profile is left as it is, unused (${damaged}): import() or erase() begin anew`);
    const personalizer = new Personalizer<S>(held);
    signal?.addEventListener("abort", () => void personalizer.close(), { once: true });
    return personalizer;
  }

  /**
   * Says what the user agrees to, or takes it back; what is left out stays as it is. Nothing is recorded, learnt or
   * ordered by without `personalise`, and nothing is contributed without `contribute`. It is remembered, for all tabs.
   * Taking it back stops all that; {@link erase} removes what is known. Limits that became wider since the user agreed count
   * once the user agrees to that, too: `{ contribute: true, widen: true }`. Until then the tighter ones do.
   */
  async consent(parts: Agreed): Promise<Consent> {
    checkConsent(parts);
    if (parts.personalise || parts.contribute) void globalThis.navigator?.storage?.persist?.().catch(() => false);
    return this.ask("consent", [parts]);
  }

  /** Remembers what the user did, and learns from it by and by; nothing is sent. Resolves to whether it did: not without consent. */
  async record(interaction: Interaction<S>, { signal }: Ending = {}): Promise<boolean> {
    if (this.#isServed) return false;
    const plain = interaction as unknown as Interaction;
    const { item, value, ms } = checked(plain, this.#names);
    const { kind, slate } = plain;
    const act = () => ({ kind, items: itemsFrom([item], this.#names), value, slate, moment: momentAt(ms) });
    return this.ask("record", () => [act()], { signal });
  }

  /**
   * The candidates in the order in which to show them: this user's, or the server's without consent, while there is no
   * evidence, and while that does better here. Nothing is sent.
   */
  async rerank<C extends Candidate<S>>(candidates: readonly C[], request: Request = {}): Promise<Slate<C>> {
    const plain = candidates as readonly Candidate[];
    checkCandidates(plain, this.#held?.names);
    checkRequest(request, plain, this.#held?.names);
    if (this.#isServed)
      return serverSlate(plain as unknown as readonly C[] & readonly Candidate[], request) as Slate<C>;
    const [asked, moment] = [requestFrom(request, plain, this.#names), momentAt(Date.now())];
    const args = (): Parameters<Calls["rerank"]> => [itemsFrom(plain, this.#names), asked, moment];
    const ranking = await this.ask("rerank", args, { signal: request.signal });
    const { id, kind, order } = ranking;
    const [pins = 0, caps = 0, freshness = 0] = ranking.unmet;
    let said: Promise<unknown> | undefined;
    return {
      id,
      kind,
      items: Array.from(order, (place) => candidates[place] as C),
      scores: request.explain ? scoresOf(ranking) : [],
      unmet: { pins, caps, freshness },
      shown: async (element, { signal } = {}) => {
        if (signal?.aborted) throw gaveUp(signal);
        // `querySelector` found no element: nobody saw it.
        if (element === null || (element && !(await visible(element, signal)))) return false;
        await (said ??= this.ask("shown", [id]));
        return true;
      },
    };
  }

  /** Learns now, for at most so long (default 8 ms). Resolves to whether there is more to learn. It also learns by itself. */
  async train({
    maxMs = 8,
    signal,
    onProgress,
  }: Ending & { maxMs?: number; onProgress?(progress: Progress): void } = {}) {
    return this.#isServed ? false : this.ask("train", [maxMs], { signal, onProgress });
  }

  /**
   * Forgets an item, a value of an attribute, or a time, and all that was learnt from it. Resolves to how many events were
   * dropped. While the profile is computed anew from the rest (by itself, between calls) the server's order stands. What was
   * contributed before cannot be called back.
   */
  async forget(what: Forgettable): Promise<number> {
    return this.ask("forget", [what]);
  }

  /** All that is remembered, to be kept or taken elsewhere. It holds what the user did: it is for the user alone. */
  async export(): Promise<Uint8Array> {
    return this.ask("export", []);
  }

  /** Takes back what {@link export} gave, in place of what is remembered. Where it is refused nothing changes. */
  async import(bytes: Uint8Array): Promise<void> {
    await this.ask("import", [bytes]);
  }

  /** Removes everything of this origin but the ledger, and consent with it. Resolves to what is kept, and why. */
  async erase(): Promise<Erased> {
    return this.ask("erase", []);
  }

  /**
   * Debits the ledger, then sends one noised gradient over what was recorded since the last time; a noised zero where
   * that is nothing. The device does so by itself, by the clock; by hand it should follow a clock, too, and never what the
   * user did. If the server does not answer, calling again sends the same bytes and debits nothing more.
   *
   * With `dryRun` it is `audit.preview()`.
   */
  contribute(options: { dryRun: true }): Promise<Preview>;
  contribute(options?: Ending & { dryRun?: false; onProgress?(progress: Progress): void }): Promise<Receipt>;
  contribute(options: Ending & { dryRun?: boolean; onProgress?(progress: Progress): void } = {}) {
    const { dryRun, signal, onProgress } = options;
    return dryRun ? this.audit.preview() : this.ask("contribute", [], { signal, onProgress });
  }

  /** Looks for a new round and its head, and verifies both. Resolves to whether there was one. The profile stays. */
  async refresh({ signal }: Ending = {}): Promise<boolean> {
    return this.ask("refresh", [], { signal });
  }

  /** Nothing is recorded, learnt or contributed until {@link resume}; the order stays as it is. It is remembered. */
  async pause(): Promise<void> {
    await this.ask("pause", [true]);
  }

  /** Ends a {@link pause}. */
  async resume(): Promise<void> {
    await this.ask("pause", [false]);
  }

  /** The backend, the round, the budget, consent, and where all this is kept. */
  async status(): Promise<Status> {
    return this.ask("status", []);
  }

  /** How both orders did so far, the server's and this device's. */
  async report(): Promise<Report> {
    return this.ask("report", []);
  }

  /** What is remembered, in words and numbers, to be shown to the person that it is about. */
  async profile(): Promise<ProfileSummary> {
    return this.ask("profile", [momentAt(Date.now())]);
  }

  /**
   * Closes this personalizer: every later call is refused. When all who opened the device have closed it, it ends in this tab,
   * and another tab takes over.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#held?.release();
  }

  /** Whether there is no device here: it is a server that renders. */
  get #isServed(): boolean {
    return !this.#held && !this.#isClosed;
  }

  /** @internal */
  ask: Client["ask"] = (name, args, options) => {
    if (this.#isClosed) return refuse("closed", "this personalizer is closed");
    if (!this.#held) return servedAnswer(name) as ReturnType<Calls[typeof name]>;
    // Without aggregators there is no round.
    if (!this.#held.takesPart && ["statement", "preview"].includes(name))
      return refuse("not-taking-part", "no aggregators are named: nothing is contributed, and nothing leaves");
    return this.#held.client.ask(name, args, options);
  };
}

function refuse<Name extends keyof Calls>(code: ErrorCode, message: string): ReturnType<Calls[Name]> {
  return Promise.reject(new PrivetError(code, message)) as ReturnType<Calls[Name]>;
}

/** The head's names have to be those that the application was compiled with. */
function agree({ events, dense = [], attributes = [] }: Schema, names: Names): void {
  const kinds = events.filter((kind) => !names.kinds.includes(kind));
  const wrong = [...kinds, ...differing(dense, names.dense), ...differing(attributes, names.attributes)];
  if (wrong.length)
    throw new PrivetError("schema-refused", `the head's schema and the application's differ in ${wrong.join(", ")}`);
}

function differing(a: readonly string[], b: readonly string[]): string[] {
  return [...a.filter((name) => !b.includes(name)), ...b.filter((name) => !a.includes(name))];
}

/** The parts of each score, in the order of showing. */
function scoresOf({ order, server, shared, personal, because }: Ranking): Score[] {
  const at = (parts: Float32Array, place: number) => parts[place] ?? 0;
  return Array.from(order, (place) => {
    const id = because[place];
    const parts = { server: at(server, place), shared: at(shared, place), personal: at(personal, place) };
    return id === undefined ? parts : { ...parts, because: id };
  });
}
