// The worker's half of the package: it owns the Wasm module, the ledger's store and the connection.

import init, { Device, inspect, Terms, type Upload } from "../web/pkg/privet.js";
import type { Backend, Calls, Fields, Message, OpenOptions, Policy, Preview, Receipt, Status } from "./protocol.ts";
import { refusal } from "./refusal.ts";
import { adviceOf, type Progress, Server } from "./server.ts";
import { alone, readLedger, writeLedger } from "./store.ts";

/** How an upload was made, as far as this session made it. */
type Made = Pick<Receipt, "id" | "examples" | "gradientMs" | "releaseMs">;

export class Host implements Calls {
  #device: Device | undefined;
  #url = "";
  /** The open round as the server published it. */
  #round: Uint8Array = new Uint8Array();
  #made: Made | undefined;

  async open({ url, task, keys, policy, gpu }: OpenOptions): Promise<Status> {
    await init();
    this.#url = url;
    const server = new Server(url, task);
    const terms = termsOf(task, keys, policy);
    const round = await server.round();
    const head = await server.head(terms.headOf(round));
    const device = await Device.open(terms, round, head, await readLedger(), gpu);
    this.#device = device;
    this.#round = round;
    await this.#step((stored) => device.session(stored, Date.now()));
    // What an earlier session could not send goes out now, and nobody waits for it: if it cannot, the next contribution
    // tries again. Both take the same lock, so the device is theirs in turn.
    this.#resend().catch(() => undefined);
    return this.status();
  }

  async record(kind: string, embedding: Float32Array): Promise<void> {
    this.#opened().record(kind, embedding);
  }

  async rank(scores: Float32Array, embeddings: Float32Array): Promise<Uint32Array> {
    return this.#opened().rank(scores, embeddings);
  }

  /** One contribution at a time over all tabs: what another tab has reserved is not taken for lost. */
  async contribute(): Promise<Receipt> {
    return alone(async () => {
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
    const preview = await this.#opened().preview();
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
    const { backend, round, dimension, events, rhoSpent, rhoLeft } = this.#opened();
    return { backend: backend as Backend, round, dimension, events, rhoSpent, rhoLeft };
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
    await alone(async () => {
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
    await writeLedger(change);
    this.#opened().persisted();
  }

  async #unsent(): Promise<Upload | undefined> {
    return this.#opened().unsent(await readLedger());
  }

  #opened(): Device {
    if (!this.#device) throw refusal("closed", "this personalizer is not open");
    return this.#device;
  }
}

/** A limit that is left out, or undefined, is the default's. */
function termsOf(task: string, keys: OpenOptions["keys"], policy: Policy): Terms {
  const terms = new Terms(task, keys.leader, keys.helper);
  const { lifetimeRho, rhoPerRound, rhoAlone, minCohort, waitMs, sessions, intervalMs } = policy;
  if (lifetimeRho !== undefined) terms.lifetimeRho = lifetimeRho;
  if (rhoPerRound !== undefined) terms.rhoPerRound = rhoPerRound;
  if (rhoAlone !== undefined && rhoAlone !== "none") terms.rhoAlone = rhoAlone;
  if (minCohort !== undefined) terms.minCohort = minCohort;
  if (waitMs !== undefined) terms.waitMs = waitMs;
  if (sessions !== undefined) terms.sessions = sessions;
  if (intervalMs !== undefined) terms.intervalMs = intervalMs;
  return terms;
}
