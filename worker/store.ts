// What lasts: bytes by key. A store decides nothing, and knows nothing of what it keeps.

import { refusal } from "./refusal.ts";

/** The key of the ledger: the one thing that is kept as it is, and that {@link Store.clear} leaves. */
export const LEDGER = "ledger";

/** What is to be written: bytes, or nothing where a key is to go. */
export type Changes = Readonly<Record<string, Uint8Array | undefined>>;

/** Where a device keeps its ledger, its profile and its log. Every failure is a refusal with a code. */
export interface Store {
  readonly kind: "indexeddb" | "file" | "memory";
  /** Whether it outlives the page. On one that does not nothing is ever contributed. */
  readonly lasting: boolean;
  /**
   * The name by which those who have it open in other tabs are found: they are one device, and one of them leads. Left out,
   * this object alone has it open.
   */
  readonly channel?: string;
  /** Why it is none that lasts, in plain words. */
  readonly because?: string;
  /** What was put there last; `state-damaged` where it is not readable any more. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** The keys that begin so, in their order. */
  keys(prefix: string): Promise<string[]>;
  /** All of it or nothing. With `durable`, what it resolves to is on disk and not only in a cache. */
  put(changes: Changes, durable?: boolean): Promise<void>;
  /** All but the ledger goes, and with it whatever it was sealed by. */
  clear(): Promise<void>;
  /** Does the work while nobody else who has this store open does work of that name. */
  alone<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Lives as long as the page. */
export class MemoryStore implements Store {
  readonly kind = "memory";
  readonly lasting: boolean = false;
  readonly #values = new Map<string, Uint8Array>();
  readonly #last = new Map<string, Promise<unknown>>();
  readonly because: string;

  constructor(because = "the application keeps nothing when the page is left, and then nothing is contributed") {
    this.because = because;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#values.get(key);
  }

  async keys(prefix: string): Promise<string[]> {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  async put(changes: Changes): Promise<void> {
    for (const [key, value] of Object.entries(changes)) {
      if (value) this.#values.set(key, value);
      else this.#values.delete(key);
    }
  }

  async clear(): Promise<void> {
    for (const key of this.#values.keys()) if (key !== LEDGER) this.#values.delete(key);
  }

  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(name) ?? Promise.resolve()).then(work, work);
    this.#last.set(name, done);
    return done;
  }
}

/** The ledger as it is stored; no bytes if there is none yet. */
export async function readLedger(store: Store): Promise<Uint8Array> {
  return (await store.get(LEDGER)) ?? new Uint8Array();
}

/** Refuses to go on without a ledger that lasts. */
export function lasting(store: Store): Store {
  if (!store.lasting) throw refusal("storage-unavailable", "this store ends with the page: there is no ledger");
  return store;
}
