// The browser's store, on IndexedDB. Everything but the ledger is encrypted by a key that scripts can use and not read.

import { bytesAtRandom, idAtRandom } from "./bytes.ts";
import { refusal } from "./refusal.ts";
import { type Changes, LEDGER, MemoryStore, type Store } from "./store.ts";

/** Object stores. Version 1: the ledger, one for the whole origin. Version 2: encrypted values, and their keys. */
type ObjectStore = "ledger" | "records" | "keys";

const VERSION = 2;
const NONCE_BYTES = 12;

/** Records that are read in one transaction. */
interface Asked {
  readonly names: string[];
  readonly read: Promise<{ by: CryptoKey | undefined; records: (Uint8Array | undefined)[] }>;
}

interface Named {
  key: CryptoKey;
  name: string;
}

/** IndexedDB, or memory where a browser gives none: in a private window, or on a page without https. */
export async function openStore(): Promise<Store> {
  try {
    return await IndexedDbStore.open();
  } catch (error) {
    return new MemoryStore(
      `${(error as Error).message}: nothing is kept when the page is left, and nothing contributed`,
    );
  }
}

export class IndexedDbStore implements Store {
  readonly kind = "indexeddb";
  readonly lasting = true;
  readonly channel = "privet";
  #database: Promise<IDBDatabase> | undefined;
  #asked: Asked | undefined;
  /** The stored encryption key, cached: to read it takes as long as to write a record. */
  #key: Promise<Named> | undefined;

  private constructor() {}

  /** Throws where IndexedDB, Web Locks or WebCrypto are missing. */
  static async open(): Promise<Store> {
    if (!navigator.locks || !crypto.subtle) throw refusal("storage-unavailable", "this page is not served over https");
    const store = new IndexedDbStore();
    await store.#opened();
    return store;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (key === LEDGER) return this.#read("ledger", "account");
    const asked = (this.#asked ??= this.#readTogether());
    const place = asked.names.push(key) - 1;
    const { by, records } = await asked.read;
    const sealed = records[place];
    return sealed && unseal(key, sealed, by);
  }

  async keys(prefix: string): Promise<string[]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
    return this.#within(["records"], "readonly", (shelf) => answered(shelf("records").getAllKeys(range))) as never;
  }

  async put(changes: Changes, durable = false): Promise<void> {
    const isSealed = Object.entries(changes).some(([key, value]) => value && key !== LEDGER);
    const by = isSealed ? await (this.#key ??= this.#makeKey()) : undefined;
    // A transaction ends while something else is waited for: whatever is sealed is sealed before.
    const sealed = await Promise.all(
      Object.entries(changes).map(async ([key, value]) => {
        return [key, value && by && key !== LEDGER ? await seal(key, value, by.key) : value] as const;
      }),
    );
    let isStale = false;
    const written = this.#within(["ledger", "records", "keys"], durable ? "strict" : "relaxed", (shelf) => {
      const named = by && shelf("keys").get("name");
      named?.addEventListener("success", () => {
        isStale = named.result !== by?.name;
        if (isStale) named.transaction?.abort();
      });
      for (const [key, value] of sealed) {
        if (!value) shelf("records").delete(key);
        else if (key === LEDGER) shelf("ledger").put(value, "account");
        else shelf("records").put(value, key);
      }
    });
    await written.catch((error: unknown) => {
      if (!isStale) throw error;
      // Another tab has erased everything, and the key with it: nothing is sealed by that one any more.
      this.#key = undefined;
      return this.put(changes, durable);
    });
  }

  async clear(): Promise<void> {
    this.#key = undefined;
    await this.#within(["records", "keys"], "strict", (shelf) => {
      shelf("records").clear();
      shelf("keys").clear();
    });
  }

  async alone<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return navigator.locks.request(`privet-${name}`, signal ? { signal } : {}, work) as Promise<T>;
  }

  #opened(): Promise<IDBDatabase> {
    const lost = () => (this.#database = undefined);
    const open = async () => {
      const request = indexedDB.open("privet", VERSION);
      request.onupgradeneeded = ({ oldVersion }) => {
        const make = (shelf: ObjectStore) => request.result.createObjectStore(shelf);
        if (oldVersion < 1) make("ledger");
        if (oldVersion < 2) (["records", "keys"] as const).forEach(make);
      };
      const database = await answered(request);
      // A later version of this package wants to migrate: it is let, and this one finds out when it asks again.
      database.onversionchange = () => {
        lost();
        database.close();
      };
      database.onclose = lost;
      return database;
    };
    this.#database ??= open().catch((error) => {
      lost();
      throw error;
    });
    return this.#database;
  }

  /** The stored one, or a fresh one; and the name that it goes by, as two keys cannot be compared. */
  async #makeKey(): Promise<Named> {
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    const made = this.#within(["keys"], "strict", async (shelf) => {
      // Another tab may have made one meanwhile; one of an earlier package has no name.
      const both = ["records", "name"].map((name) => answered<unknown>(shelf("keys").get(name)));
      const [key = fresh, name = idAtRandom()] = await Promise.all(both);
      shelf("keys").put(key, "records");
      shelf("keys").put(name, "name");
      return { key, name } as Named;
    });
    made.catch(() => (this.#key = undefined));
    return made;
  }

  /** What is asked for in one breath is read in one transaction, with what it is sealed by. */
  #readTogether(): Asked {
    const names: string[] = [];
    const read = Promise.resolve().then(() => {
      this.#asked = undefined;
      return this.#within(["keys", "records"], "readonly", async (shelf) => {
        const by = answered<CryptoKey | undefined>(shelf("keys").get("records"));
        const records = names.map((name) => answered<Uint8Array | undefined>(shelf("records").get(name)));
        return { by: await by, records: await Promise.all(records) };
      });
    });
    return { names, read };
  }

  #read<T>(shelf: ObjectStore, key: string): Promise<T | undefined> {
    return this.#within([shelf], "readonly", (at) => answered(at(shelf).get(key)));
  }

  /** One transaction; when this resolves it is complete, and as durable as asked. */
  async #within<T>(
    shelves: ObjectStore[],
    kind: "readonly" | "relaxed" | "strict",
    work: (shelf: (name: ObjectStore) => IDBObjectStore) => T | Promise<T>,
  ): Promise<T> {
    try {
      const database = await this.#opened();
      const mode = kind === "readonly" ? kind : "readwrite";
      const options = kind === "readonly" ? {} : { durability: kind };
      const transaction = database.transaction(shelves, mode, options);
      const complete = new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      const [result] = await Promise.all([work((name) => transaction.objectStore(name)), complete]);
      return result;
    } catch (error) {
      const full = Object(error).name === "QuotaExceededError";
      if (full) throw refusal("storage-full", "the browser gives this origin no more room");
      throw refusal("storage-unavailable", "the browser's storage did not answer");
    }
  }
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function unseal(name: string, sealed: Uint8Array, by: CryptoKey | undefined): Promise<Uint8Array> {
  const [nonce, rest] = [sealed.slice(0, NONCE_BYTES), sealed.subarray(NONCE_BYTES)];
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm(name, nonce), by as CryptoKey, rest as BufferSource));
  } catch {
    throw refusal("state-damaged", "what is stored does not open: changed, or sealed by another key");
  }
}

async function seal(name: string, value: Uint8Array, by: CryptoKey): Promise<Uint8Array> {
  const nonce = bytesAtRandom(NONCE_BYTES);
  const sealed = await crypto.subtle.encrypt(algorithm(name, nonce), by, value as BufferSource);
  const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  bytes.set(nonce);
  bytes.set(new Uint8Array(sealed), NONCE_BYTES);
  return bytes;
}

/** A record is sealed to its name, so that none can stand in another's place. */
function algorithm(name: string, nonce: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(name) };
}
