// The worker's half of the package: it owns the Wasm module, the ledger's store and the connection.

import init, { Device, inspect, Items, key, Terms, type Upload } from "../web/pkg/privet.js";
import type * as Protocol from "./protocol.ts";
import type {
  Act,
  Backend,
  Calls,
  Fields,
  Forgettable,
  Message,
  Moment,
  Names,
  OpenOptions,
  Policy,
  Preview,
  Ranking,
  Receipt,
  Status,
} from "./protocol.ts";
import { refusal } from "./refusal.ts";
import { adviceOf, type Progress, Server } from "./server.ts";
import { lasting, openStore, readLedger, type Store, writeLedger } from "./store.ts";

/** How an upload was made, as far as this session made it. */
type Made = Pick<Receipt, "id" | "examples" | "gradientMs" | "releaseMs">;

/** As many ids as there are events in the core's log. */
const MOST_IDS = 4096;

export class Host implements Calls {
  #device: Device | undefined;
  #kept: Store | undefined;
  #url = "";
  /** The open round as the server published it. */
  #round: Uint8Array = new Uint8Array();
  #made: Made | undefined;
  /** The ids of this session's items: the core knows their keys alone. */
  readonly #ids = new Map<bigint, string>();

  async open({ url, task, keys, policy, gpu }: OpenOptions): Promise<Names> {
    await init();
    this.#url = url;
    const server = new Server(url, task);
    const terms = termsOf(task, keys, policy);
    const round = await server.round();
    const head = await server.head(terms.headOf(round));
    this.#kept = await openStore();
    const device = await Device.open(terms, round, head, await readLedger(this.#kept), gpu);
    this.#device = device;
    this.#round = round;
    await this.#step((stored) => device.session(stored, Date.now()));
    // What an earlier session could not send goes out now, and nobody waits for it: if it cannot, the next contribution
    // tries again. Both take the same lock, so the device is theirs in turn.
    this.#resend().catch(() => undefined);
    return { dense: device.dense, attributes: device.attributes };
  }

  async record({ kind, items, value, position, moment }: Act): Promise<void> {
    this.#opened().record(kind, itemsOf(items), value, position, moment.ms, moment.offsetMin);
    const [id = ""] = items.names;
    const known = key(id);
    this.#ids.delete(known);
    this.#ids.set(known, id);
    for (const [oldest] of this.#ids) {
      if (this.#ids.size <= MOST_IDS) break;
      this.#ids.delete(oldest);
    }
  }

  async rank(candidates: Protocol.Items, { ms, offsetMin }: Moment): Promise<Ranking> {
    const ranking = this.#opened().rank(itemsOf(candidates), ms, offsetMin);
    const { order, server, shared, personal, because, likeness } = ranking;
    ranking.free();
    // What is less like it than nothing at all is not why it is shown.
    const speaks = (place: number) => (likeness[place] ?? 0) > 0;
    const ids = Array.from(because, (known, place) => (speaks(place) ? this.#ids.get(known) : undefined));
    return { order, server, shared, personal, because: ids };
  }

  async train(maxMs: number): Promise<boolean> {
    return this.#opened().train(maxMs);
  }

  /** Learns for so long if there is anything to learn from; whether there is more. */
  learn(maxMs: number): boolean {
    return this.#device?.train(maxMs) ?? false;
  }

  async forget(what: Forgettable): Promise<number> {
    const device = this.#opened();
    // Which of them were forgotten the core does not say; the rest come back as they are recorded.
    this.#ids.clear();
    if ("item" in what) return device.forgetItem(what.item);
    if ("attribute" in what) return device.forgetAttribute(what.attribute, what.value);
    return device.forgetTime(what.from, what.to);
  }

  async export(): Promise<Uint8Array> {
    return this.#opened().export();
  }

  async import(bytes: Uint8Array): Promise<void> {
    this.#opened().import(bytes);
  }

  /** One contribution at a time over all tabs: what another tab has reserved is not taken for lost. */
  async contribute(): Promise<Receipt> {
    return lasting(this.#store()).alone("contribution", async () => {
      const unsent = (await this.#unsent()) ?? (await this.#release());
      const start = performance.now();
      const progress = await this.#send(unsent);
      const { round, id, bytes, rho } = unsent;
      const made = this.#made?.id === id ? this.#made : { examples: 0, gradientMs: 0, releaseMs: 0 };
      const backend = this.#opened().backend as Backend;
      return { ...made, round, id, bytes, rho, backend, ...progress, sendMs: performance.now() - start };
    });
  }

  /** The stages before the noise are in the answer, and nowhere else. */
  async preview(): Promise<Preview> {
    // Under a contribution's lock: while it computes, the resending of an earlier one must not touch the device.
    const preview = await this.#store().alone("contribution", () => this.#opened().preview());
    const { examples, gradient, clipped, deviation, uploadBytes, rho, rhoAlone, rhoLeft } = preview;
    preview.free();
    return { examples, gradient, clipped, deviation, uploadBytes, rho, rhoAlone, rhoLeft };
  }

  async statement(): Promise<string> {
    return this.#opened().statement();
  }

  async inspect(message: Message, bytes?: Uint8Array): Promise<Fields> {
    this.#opened();
    const round = inspect("signed", this.#round, new Uint8Array())["body"] as Uint8Array;
    return inspect(message, bytes ?? (message === "signed" ? this.#round : round), round);
  }

  async status(): Promise<Status> {
    const { backend, round, dimension, events, owed, rhoSpent, rhoLeft } = this.#opened();
    return { backend: backend as Backend, round, dimension, events, owed, rhoSpent, rhoLeft };
  }

  /** Debits durably, and only then draws noise; stores what is finished, and only then lets it be sent. */
  async #release(): Promise<Upload> {
    const device = this.#opened();
    await this.#step((stored) => device.tick(stored, Date.now()));
    await this.#step((stored) => device.reserve(stored, Date.now()));
    const contribution = await device.contribute();
    const { id, examples, gradientMs, releaseMs } = contribution;
    this.#made = { id, examples, gradientMs, releaseMs };
    contribution.free();
    await this.#step((stored) => device.ready(stored));
    const unsent = await this.#unsent();
    if (!unsent) throw refusal("reservation-lost", "the finished upload is not in the store");
    return unsent;
  }

  async #resend(): Promise<void> {
    await this.#store().alone("contribution", async () => {
      const unsent = await this.#unsent();
      if (unsent) await this.#send(unsent);
    });
  }

  /** Sends what is stored, to the task that it was made for, and stores the answer. */
  async #send(upload: Upload): Promise<Progress> {
    const device = this.#opened();
    const server = new Server(this.#url, upload.task);
    try {
      const progress = await server.upload(upload.round, upload.id, upload.bytes as Uint8Array<ArrayBuffer>);
      await this.#step((stored) => device.sent(stored, upload));
      return progress;
    } catch (error) {
      const { code, advice } = adviceOf(error);
      // Only a server's own word is for good.
      if (advice === "refetch" || advice === "stop") {
        await this.#step((stored) => device.refused(stored, upload, code));
      }
      throw error;
    }
  }

  /** One step of the ledger: read, changed and written while no other tab can, then said to be durable. */
  async #step(change: (stored: Uint8Array) => Uint8Array): Promise<void> {
    await writeLedger(this.#store(), change);
    this.#opened().persisted();
  }

  async #unsent(): Promise<Upload | undefined> {
    return this.#opened().unsent(await readLedger(this.#store()));
  }

  #store(): Store {
    if (!this.#kept) throw refusal("closed", "this personalizer is not open");
    return this.#kept;
  }

  #opened(): Device {
    if (!this.#device) throw refusal("closed", "this personalizer is not open");
    return this.#device;
  }
}

/** The module takes them over: nobody has to free them. */
function itemsOf({ lengths, numbers, places, names }: Protocol.Items): Items {
  return new Items(lengths, numbers, places, names);
}

/** A limit that is left out, or undefined, is the default's. */
function termsOf(task: string, keys: OpenOptions["keys"], policy: Policy): Terms {
  const terms = new Terms(task, keys.leader, keys.helper);
  const { lifetimeRho, rhoPerRound, rhoAlone, minCohort, maxCohort, maxDimension, maxDelta } = policy;
  const { minNoiseMultiplier, modes, waitMs, sessions, intervalMs } = policy;
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
  return terms;
}
