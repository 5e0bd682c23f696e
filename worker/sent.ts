// The log of what was sent: every byte of every upload, and what it was answered.

import { pack, unpack } from "./pack.ts";
import type { Store } from "./store.ts";

/** How many sendings are remembered: more than a year's at one a week. */
const MOST = 64;

/** One request that carried something. */
export interface Sending {
  /** Milliseconds since 1970. */
  time: number;
  method: string;
  url: string;
  /** Those that this package sets; a token is in its own place, as whether there was one. */
  headers: Record<string, string>;
  task: string;
  round: number;
  /** The upload's id in hexadecimal. */
  id: string;
  /** Exactly what left. */
  bytes: Uint8Array;
  /** Whether a token of the application's backend went with it. */
  token: boolean;
  /** The round that it was made for, as it was published and signed; nothing where another was open when it was sent. */
  signed?: Uint8Array;
  /**
   * The noised vector that was cut into shares and sealed, in grid units. The session that made it knows it until
   * something is forgotten; it is never stored.
   */
  noised?: Int32Array;
  /** The status (0 where nobody answered) and the code of a refusal; nothing where the tab was gone before an answer. */
  answer?: { status: number; code?: string; count?: number; minCohort?: number };
}

export class Sent {
  readonly #store: Store;
  readonly #prefix: string;

  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = `${prefix}sent/`;
  }

  /** Written before anything leaves; what writes the answer to it. */
  async begin(sending: Omit<Sending, "noised">): Promise<(answer: NonNullable<Sending["answer"]>) => Promise<void>> {
    const keys = await this.#store.keys(this.#prefix);
    const last = keys.at(-1);
    const number = last ? Number(last.slice(this.#prefix.length)) + 1 : 0;
    const key = this.#prefix + String(number).padStart(12, "0");
    const oldest = keys.slice(0, Math.max(0, keys.length + 1 - MOST));
    await this.#store.put({ [key]: pack(sending), ...Object.fromEntries(oldest.map((key) => [key, undefined])) });
    return (answer) => this.#store.put({ [key]: pack({ ...sending, answer }) });
  }

  /** The latest last. */
  async all(): Promise<Sending[]> {
    const keys = await this.#store.keys(this.#prefix);
    const all = await Promise.all(keys.map((key) => this.#store.get(key)));
    return all.flatMap((bytes) => (bytes ? [unpack<Sending>(bytes)] : []));
  }
}
