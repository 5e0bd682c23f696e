// A store in a folder for Node: a file for each key, one process that writes. A durable write is synced to disk, the folder's
// own entry included.

import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pack, unpack } from "../../../worker/pack.ts";
import { refusal } from "../../../worker/refusal.ts";
import { type Changes, LEDGER, type Store } from "../../../worker/store.ts";

/** The lock file, which holds the id of the process that writes. */
const LOCK = "lock";
/** A write-ahead file for a change of several keys: from when it has this name the whole change is made, after a crash, too. */
const CHANGES = "changes";
/** How the names of keys' files end. */
const VALUE = ".value";

export class FileStore implements Store {
  readonly kind = "file";
  readonly lasting = true;
  readonly #folder: string;
  readonly #last = new Map<string, Promise<unknown>>();
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Refused while another process that is alive has it open. */
  static async open(folder: string): Promise<FileStore> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await lock(folder);
    const store = new FileStore(folder);
    // A change that a killed process had begun.
    await guarded(() => store.#apply());
    return store;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await rm(join(this.#folder, LOCK), { force: true });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#inTurn(() => read(this.#file(key)));
  }

  keys(prefix: string): Promise<string[]> {
    return this.#inTurn(async () => {
      const names = (await readdir(this.#folder)).filter((name) => name.endsWith(VALUE));
      const keys = names.map((name) => decodeURIComponent(name.slice(0, -VALUE.length)));
      return keys.filter((key) => key.startsWith(prefix)).sort();
    });
  }

  put(changes: Changes, durable = false): Promise<void> {
    return this.#inTurn(async () => {
      const entries = Object.entries(changes);
      const [only] = entries;
      if (entries.length === 1 && only) return this.#set(...only, durable);
      const gone = entries.flatMap(([key, value]) => (value ? [] : [key]));
      // A plain copy: a `Buffer` would be packed as what it says of itself.
      const kept = entries.flatMap(([key, value]) => (value ? [[key, new Uint8Array(value)] as const] : []));
      await this.#write(CHANGES, pack({ kept, gone } satisfies Packed), durable);
      await this.#apply(durable);
    });
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      const keep = [LOCK, encodeURIComponent(LEDGER) + VALUE];
      const names = (await readdir(this.#folder)).filter((name) => !keep.includes(name));
      await Promise.all(names.map((name) => rm(join(this.#folder, name), { force: true })));
      await sync(this.#folder);
    });
  }

  /** A mutex by name. One process has the folder, so a promise is enough of one. */
  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(name) ?? Promise.resolve()).then(work, work);
    this.#last.set(name, done);
    return done;
  }

  #file(key: string): string {
    return join(this.#folder, encodeURIComponent(key) + VALUE);
  }

  async #apply(durable = true): Promise<void> {
    const bytes = await read(join(this.#folder, CHANGES));
    if (!bytes) return;
    const { kept, gone } = unpack<Packed>(bytes);
    for (const [key, value] of kept) await this.#set(key, value, durable);
    for (const key of gone) await this.#set(key, undefined, durable);
    await rm(join(this.#folder, CHANGES));
    if (durable) await sync(this.#folder);
  }

  async #set(key: string, value: Uint8Array | undefined, durable: boolean): Promise<void> {
    if (value) return this.#write(encodeURIComponent(key) + VALUE, value, durable);
    await rm(this.#file(key), { force: true });
    if (durable) await sync(this.#folder);
  }

  /** An atomic write: after a crash there are the old bytes or the new ones. */
  async #write(name: string, bytes: Uint8Array, durable: boolean): Promise<void> {
    const unnamed = join(this.#folder, `${name}.new`);
    const file = await open(unnamed, "w", 0o600);
    try {
      await file.writeFile(bytes);
      // Not only what has to last: a name must not point to bytes that are not there yet.
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unnamed, join(this.#folder, name));
    if (durable) await sync(this.#folder);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#writing.then(() => guarded(work));
    this.#writing = done.catch(() => undefined);
    return done;
  }
}

/** Pairs, because a key may be any name. */
interface Packed {
  kept: (readonly [string, Uint8Array])[];
  gone: string[];
}

async function read(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** A folder's entries are durable when the folder is. Windows has no such call, and needs none. */
async function sync(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Takes the folder's lock; a stale one, whose process is gone, is taken over. */
async function lock(folder: string): Promise<void> {
  const [file, own] = [join(folder, LOCK), join(folder, `${LOCK}.${randomUUID()}`)];
  await guarded(() => writeFile(own, String(process.pid)));
  try {
    for (let tries = 0; tries < 10; tries++) {
      // Atomic: a hard link fails where the name exists, so of two processes one makes it.
      if (await linked(own, file)) return;
      const holder = Number(await readFile(file, "utf8").catch(() => ""));
      if (isAlive(holder)) break;
      await rename(file, `${own}.old`).catch(() => undefined);
      await rm(`${own}.old`, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
  throw refusal("storage-unavailable", "another process has this folder open");
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "EEXIST") return false;
    throw refusal("storage-unavailable", "the folder takes no lock");
  }
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks whether it could be sent one.
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as { code?: string };
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw full
      ? refusal("storage-full", "there is no room left for what is to be stored")
      : refusal("storage-unavailable", "the folder did not answer");
  }
}
