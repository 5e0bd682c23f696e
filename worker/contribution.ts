// The one way out of a device: debit, noise, store, send, each step durable before the next. The core decides what a
// step is; here is who may ask for one, and in which order.

import type { Context, Mark } from "./calls.ts";
import type { Device, Ranker, Upload } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type { Backend, Entry, Receipt } from "./protocol.ts";
import { refusal, stillWanted } from "./refusal.ts";
import { Sent, type Sending } from "./sent.ts";
import { answerOf, type Progress, type Server, UPLOAD } from "./server.ts";
import { lasting, readLedger, type Store, writeLedger } from "./store.ts";

/** How an upload was made, as far as this session made it. */
type Made = Pick<Receipt, "id" | "examples" | "gradientMs" | "releaseMs">;

/** Which call asked last, and which of the ledger's entries is its own. */
interface Asked {
  mark: Mark;
  entry: number;
}

/** What a contribution needs of the host. */
export interface Way {
  readonly store: Store;
  readonly prefix: string;
  readonly server: Server;
  device(): Ranker;
  /** The full module takes the other's place, once and for all. */
  fill(): Promise<void>;
  /** The device of the full module. */
  filled(): Device;
  /** Refuses where the user does not, or no longer, agree. */
  allow(): void;
  /** Stores the profile as it is: what was contributed is not new any more. */
  keep(): Promise<void>;
  /** The device is one caller's at a time. */
  turn<T>(work: () => T | Promise<T>): Promise<T>;
  /** A task's round as it was published and signed, while it is the one at hand. */
  signed(task: string, round: number): Uint8Array | undefined;
  /** A token of the application's backend, where it gives any. */
  token(task: string, round: number): Promise<Uint8Array | undefined>;
}

const TOKEN_BYTES = 96;
const UNTOLD = { examples: 0, gradientMs: 0, releaseMs: 0 };
/** Who resends waits for no answer and is nobody's call. */
const UNASKED: Pick<Context, "signal" | "onProgress"> = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
};

export class Contributions {
  readonly #way: Way;
  readonly sent: Sent;
  #made: Made | undefined;
  /** The noised vectors of this session, by their uploads' ids. */
  readonly #noised = new Map<string, Int32Array>();

  constructor(way: Way) {
    this.#way = way;
    this.sent = new Sent(way.store, way.prefix);
  }

  /** One contribution at a time over all tabs. A call that was begun before, by a tab that is gone, is not debited again. */
  contribute({ mark, signal, onProgress }: Context): Promise<Receipt> {
    return this.alone(async () => {
      const begun = await this.#begun(mark);
      if (begun) return begun;
      stillWanted(signal);
      this.#way.allow();
      const earlier = await this.#unsent();
      const entry = (await this.entries()).length - (earlier ? 1 : 0);
      await this.#way.store.put({ [this.#asked]: pack({ mark, entry } satisfies Asked) }, true);
      const upload = earlier ?? (await this.#release(onProgress));
      return this.#send(upload, { signal, onProgress });
    });
  }

  /** What was finished and never answered goes out again, as it is. */
  async resend(): Promise<void> {
    await this.alone(async () => {
      const unsent = await this.#unsent();
      if (unsent) await this.#send(unsent, UNASKED);
    });
  }

  /** Nobody else contributes meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return lasting(this.#way.store).alone("contribution", work);
  }

  /** What is finished is given up: it is never sent, and what it cost stays spent. */
  async giveUp(): Promise<void> {
    const unsent = await this.#unsent();
    if (unsent) await this.step((device, stored) => device.refused(stored, unsent, "erased"));
  }

  /** One step of the ledger: read, changed and written while no other tab can, then said to be durable. */
  async step(change: (device: Ranker, stored: Uint8Array) => Uint8Array): Promise<void> {
    await this.#way.turn(async () => {
      const device = this.#way.device();
      await writeLedger(this.#way.store, (stored) => change(device, stored));
      device.persisted();
    });
  }

  /** What was sent, with the noised vectors that this session knows. */
  async log(): Promise<Sending[]> {
    return (await this.sent.all()).map((sending) => {
      const noised = this.#noised.get(sending.id);
      return noised ? { ...sending, noised: noised.slice() } : sending;
    });
  }

  /** No noised vector outlives what it was made from. */
  forget(): void {
    this.#noised.clear();
  }

  entries(): Promise<Entry[]> {
    return this.#way.turn(() => this.#way.device().entries().map(entryFrom));
  }

  /** What has become of a call that a tab made before, if it has come to a debit. */
  async #begun({ tab, call }: Mark): Promise<Receipt | undefined> {
    const stored = await this.#way.store.get(this.#asked);
    const { mark, entry: place } = stored ? unpack<Asked>(stored) : { mark: undefined, entry: 0 };
    if (mark?.tab !== tab || mark.call !== call) return undefined;
    const entry = (await this.entries())[place];
    if (!entry || entry.fate === "ready") return undefined;
    const sending = (await this.sent.all()).findLast(({ id }) => id === entry.id);
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
    await this.#way.fill();
    await this.step((device, stored) => device.tick(stored, Date.now()));
    await this.step((_, stored) => this.#way.filled().reserve(stored, Date.now()));
    onProgress({ stage: "reserved" });
    const contribution = await this.#way.turn(() => this.#way.filled().contribute());
    const { id, examples, gradientMs, releaseMs } = contribution;
    this.#made = { id, examples, gradientMs, releaseMs };
    this.#noised.set(id, contribution.noised);
    contribution.free();
    await this.step((_, stored) => this.#way.filled().ready(stored));
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
    const signed = await this.#way.turn(() => this.#way.signed(task, round));
    const made = { task, round, id, bytes, ...(signed && { signed }) };
    const sending: Sending = { time: Date.now(), ...UPLOAD, url, ...made, token: token !== undefined };
    const answered = await this.sent.begin(sending);
    let progress: Progress;
    try {
      progress = await server.upload(url, bytes, token, signal);
    } catch (error) {
      const { code, advice, status } = answerOf(error);
      await answered({ status: status ?? 0, code });
      // Only a server's own word is for good.
      if (advice === "refetch" || advice === "stop") {
        await this.step((device, stored) => device.refused(stored, upload, code));
        await this.#way.store.put({ [this.#tokenKey(id)]: undefined });
      }
      throw error;
    }
    await answered({ status: 200, ...progress });
    await this.step((device, stored) => device.sent(stored, upload));
    await this.#way.store.put({ [this.#tokenKey(id)]: undefined });
    onProgress({ stage: "sent" });
    const how = this.#made?.id === id ? this.#made : UNTOLD;
    const sendMs = performance.now() - start;
    return { ...how, round, id, bytes, rho, backend: await this.#backend(), ...progress, sendMs };
  }

  /** Asked for once for each upload, and kept until that is answered. */
  async #tokenFor({ task, round, id }: Upload): Promise<string | undefined> {
    const key = this.#tokenKey(id);
    const kept = await this.#way.store.get(key);
    const token = kept ?? (await this.#way.token(task, round));
    if (!token) return undefined;
    if (token.length !== TOKEN_BYTES) {
      throw refusal(
        "token-refused",
        `the application's token has ${token.length} bytes and has to have ${TOKEN_BYTES}`,
      );
    }
    if (!kept) await this.#way.store.put({ [key]: token }, true);
    return Array.from(token, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async #unsent(): Promise<Upload | undefined> {
    const { store } = this.#way;
    return this.#way.turn(async () => this.#way.device().unsent(await readLedger(store)));
  }

  get #asked(): string {
    return `${this.#way.prefix}asked`;
  }

  #tokenKey(id: string): string {
    return `${this.#way.prefix}token/${id}`;
  }

  #backend(): Promise<Backend> {
    return this.#way.turn(() => this.#way.device().backend as Backend);
  }
}

function entryFrom(line: string): Entry {
  const [task = "", round, id = "", trusted, alone, fate = ""] = line.split(" ");
  const rho = (nano: string | undefined) => Number(nano) / 1e9;
  return {
    task,
    round: Number(round),
    id,
    rho: rho(trusted),
    rhoAlone: rho(alone),
    fate: fate.toLowerCase() as Entry["fate"],
  };
}
