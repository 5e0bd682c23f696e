// The ledger on disk. One account for the whole origin; one writer over all its tabs.

import { type DBSchema, openDB } from "idb";
import { refusal } from "./refusal.ts";

interface Schema extends DBSchema {
  ledger: { key: "account"; value: Uint8Array };
}

const open = () =>
  openDB<Schema>("privet", 1, {
    upgrade: (database) => {
      database.createObjectStore("ledger");
    },
  });

/** The bytes of the ledger as stored; none if there is none yet. */
export async function readLedger(): Promise<Uint8Array> {
  return guarded(async () => {
    const database = await open();
    const stored = await database.get("ledger", "account");
    database.close();
    return stored ?? new Uint8Array();
  });
}

/**
 * Replaces the ledger while no other tab can. When this resolves the bytes are on disk, not only in a cache: what they
 * pay for may be released.
 */
export async function writeLedger(change: (stored: Uint8Array) => Uint8Array): Promise<void> {
  await locked("privet-ledger", async () => {
    const changed = change(await readLedger());
    await guarded(async () => {
      const database = await open();
      const transaction = database.transaction("ledger", "readwrite", { durability: "strict" });
      await Promise.all([transaction.store.put(changed, "account"), transaction.done]);
      database.close();
    });
  });
}

/** Does the work while no other tab contributes. */
export async function alone<T>(work: () => Promise<T>): Promise<T> {
  return locked("privet-contribution", work);
}

async function locked<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (!navigator.locks) throw refusal("storage-unavailable", "this page has no Web Locks: serve it over https");
  return navigator.locks.request(name, work);
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch {
    throw refusal("storage-unavailable", "the browser's storage did not answer");
  }
}
