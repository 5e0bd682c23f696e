// The worker's half of the package: it owns the Wasm module, the ledger's store and the connection.

import init, { type Contribution, Device, Terms } from "../web/pkg/privet.js";
import type { Backend, Calls, OpenOptions, Policy, Receipt, Status } from "./protocol.ts";
import { refusal } from "./refusal.ts";
import { mayRetry, Server } from "./server.ts";
import { readLedger, writeLedger } from "./store.ts";

/** A finished contribution that the server has not acknowledged: it was paid for, so it is sent as it is. */
type Unsent = Omit<Receipt, "count" | "minCohort" | "sendMs">;

export class Host implements Calls {
  #device: Device | undefined;
  #server: Server | undefined;
  #unsent: Unsent | undefined;

  async open({ url, task, keys, policy, gpu }: OpenOptions): Promise<Status> {
    await init();
    this.#server = new Server(url, task);
    const terms = termsOf(task, keys, policy);
    const round = await this.#server.round();
    const head = await this.#server.head(terms.headOf(round));
    this.#device = await Device.open(terms, round, head, await readLedger(), gpu);
    return this.status();
  }

  async record(kind: string, embedding: Float32Array): Promise<void> {
    this.#opened().record(kind, embedding);
  }

  async rank(scores: Float32Array, embeddings: Float32Array): Promise<Uint32Array> {
    return this.#opened().rank(scores, embeddings);
  }

  async contribute(): Promise<Receipt> {
    this.#unsent ??= await this.#release();
    const unsent = this.#unsent;
    const start = performance.now();
    try {
      const { round, id, bytes } = unsent;
      const progress = await this.#connected().upload(round, id, bytes as Uint8Array<ArrayBuffer>);
      this.#unsent = undefined;
      return { ...unsent, ...progress, sendMs: performance.now() - start };
    } catch (error) {
      if (!mayRetry(error)) this.#unsent = undefined;
      throw error;
    }
  }

  async status(): Promise<Status> {
    const { backend, round, dimension, events, rhoSpent, rhoLeft } = this.#opened();
    return { backend: backend as Backend, round, dimension, events, rhoSpent, rhoLeft };
  }

  /** Debits durably, and only then draws noise: a crash in between loses budget, never privacy. */
  async #release(): Promise<Unsent> {
    const device = this.#opened();
    await writeLedger((stored) => device.reserve(stored));
    const contribution: Contribution = await device.contribute();
    const { id, bytes, rho, examples, gradientMs, releaseMs } = contribution;
    contribution.free();
    const { round } = device;
    return { round, id, bytes, rho, examples, backend: device.backend as Backend, gradientMs, releaseMs };
  }

  #opened(): Device {
    if (!this.#device) throw refusal("closed", "this personalizer is not open");
    return this.#device;
  }

  #connected(): Server {
    if (!this.#server) throw refusal("closed", "this personalizer is not open");
    return this.#server;
  }
}

/** A limit that is left out, or undefined, is the default's. */
function termsOf(task: string, keys: OpenOptions["keys"], policy: Policy): Terms {
  const terms = new Terms(task, keys.leader, keys.helper);
  const { lifetimeRho, rhoPerRound, rhoAlone, minCohort } = policy;
  if (lifetimeRho !== undefined) terms.lifetimeRho = lifetimeRho;
  if (rhoPerRound !== undefined) terms.rhoPerRound = rhoPerRound;
  if (rhoAlone !== undefined) terms.rhoAlone = rhoAlone;
  if (minCohort !== undefined) terms.minCohort = minCohort;
  return terms;
}
