// The store in a browser. The ledger is kept as it is; all else is sealed by a key that scripts can use and not read.

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { refusal } from "./refusal.ts";
import { type Changes, LEDGER, type Store } from "./store.ts";

interface Schema extends DBSchema {
  /** Since version 1. One account for the whole origin. */
  ledger: { key: "account"; value: Uint8Array };
  /** Since version 2: values sealed, each to its key. */
  records: { key: string; value: Uint8Array };
  /** Since version 2. */
  keys: { key: "records"; value: CryptoKey };
}

const VERSION = 2;
const NONCE_BYTES = 12;

export class IndexedDbStore implements Store {
  readonly kind = "indexeddb";
  readonly lasting = true;
  #database: Promise<IDBPDatabase<Schema>> | undefined;

  private constructor() {}

  /** Refused where there is no IndexedDB, nothing to lock by, or nothing to seal by. */
  static async open(): Promise<Store> {
    if (!navigator.locks || !crypto.subtle) throw refusal("storage-unavailable", "this page is not served over https");
    const store = new IndexedDbStore();
    await store.#opened();
    return store;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    if (key === LEDGER) return this.#guarded((database) => database.get("ledger", "account"));
    const sealed = await this.#guarded((database) => database.get("records", key));
    return sealed && this.#unseal(key, sealed);
  }

  async keys(prefix: string): Promise<string[]> {
    return this.#guarded((database) => database.getAllKeys("records", IDBKeyRange.bound(prefix, `${prefix}\uffff`)));
  }

  async put(changes: Changes, durable = false): Promise<void> {
    // A transaction ends while something else is waited for: whatever is sealed is sealed before.
    const sealed = await Promise.all(
      Object.entries(changes).map(async ([key, value]) => {
        return [key, value && key !== LEDGER ? await this.#seal(key, value) : value] as const;
      }),
    );
    await this.#guarded(async (database) => {
      const durability = durable ? "strict" : "relaxed";
      const transaction = database.transaction(["ledger", "records"], "readwrite", { durability });
      const [ledger, records] = [transaction.objectStore("ledger"), transaction.objectStore("records")];
      const writes = sealed.map(([key, value]) => {
        if (!value) return records.delete(key);
        return key === LEDGER ? ledger.put(value, "account") : records.put(value, key);
      });
      await Promise.all([...writes, transaction.done]);
    });
  }

  async clear(): Promise<void> {
    await this.#guarded(async (database) => {
      const transaction = database.transaction(["records", "keys"], "readwrite", { durability: "strict" });
      const stores = [transaction.objectStore("records"), transaction.objectStore("keys")];
      await Promise.all([...stores.map((store) => store.clear()), transaction.done]);
    });
  }

  async alone<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return navigator.locks.request(`privet-${name}`, signal ? { signal } : {}, work) as Promise<T>;
  }

  #opened(): Promise<IDBPDatabase<Schema>> {
    const lost = () => (this.#database = undefined);
    this.#database ??= openDB<Schema>("privet", VERSION, {
      upgrade: (database, from) => {
        if (from < 1) database.createObjectStore("ledger");
        if (from < 2) {
          database.createObjectStore("records");
          database.createObjectStore("keys");
        }
      },
      // A later version of this package wants to migrate: it is let, and this one finds out when it asks again.
      blocking: (_from, _to, event) => {
        lost();
        (event.target as IDBDatabase).close();
      },
      terminated: lost,
    }).catch((error) => {
      lost();
      throw error;
    });
    return this.#database;
  }

  async #key(): Promise<CryptoKey> {
    const stored = await this.#guarded((database) => database.get("keys", "records"));
    if (stored) return stored;
    const fresh = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return this.#guarded(async (database) => {
      const transaction = database.transaction("keys", "readwrite", { durability: "strict" });
      // Another tab may have made one meanwhile.
      const key = (await transaction.store.get("records")) ?? fresh;
      await Promise.all([transaction.store.put(key, "records"), transaction.done]);
      return key;
    });
  }

  async #seal(name: string, value: Uint8Array): Promise<Uint8Array> {
    const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const sealed = await crypto.subtle.encrypt(algorithm(name, nonce), await this.#key(), value as BufferSource);
    const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
    bytes.set(nonce);
    bytes.set(new Uint8Array(sealed), NONCE_BYTES);
    return bytes;
  }

  async #unseal(name: string, sealed: Uint8Array): Promise<Uint8Array> {
    const [nonce, rest] = [sealed.slice(0, NONCE_BYTES), sealed.slice(NONCE_BYTES)];
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm(name, nonce), await this.#key(), rest));
    } catch {
      throw refusal("state-damaged", "what is stored does not open: changed, or sealed by another key");
    }
  }

  async #guarded<T>(work: (database: IDBPDatabase<Schema>) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#opened());
    } catch (error) {
      const full = Object(error).name === "QuotaExceededError";
      if (full) throw refusal("storage-full", "the browser gives this origin no more room");
      throw refusal("storage-unavailable", "the browser's storage did not answer");
    }
  }
}

/** A record is sealed to its name, so that none can stand in another's place. */
function algorithm(name: string, nonce: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(name) };
}
