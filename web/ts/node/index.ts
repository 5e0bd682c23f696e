// The package in Node, and in Electron's main process: the same calls, kept in a folder, computed on the CPU.

import { mkdirSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { serve } from "../../../worker/worker.ts";
import { PrivetError } from "../error.ts";
import type { Place } from "../openings.ts";
import { Personalizer } from "../personalizer.ts";
import type { Options, Schema } from "../types.ts";
import { FileStore } from "./files.ts";

export * from "../index.ts";
export { FileStore };

/** How to open a personalizer in Node. */
export interface NodeOptions<S extends Schema = Schema> extends Omit<
  Options<S>,
  "storage" | "worker" | "backend" | "wasm"
> {
  /** Whether the clock by which it contributes keeps the process alive until it is closed. Default false. */
  keepAlive?: boolean;
  /** Where the ledger and the profile of one person are kept. It is one process's at a time. */
  folder: string;
}

/** A folder by its resolved path, and how many devices have it open: each task is one. */
class Folder implements Place {
  readonly #path: string;
  #devices = 0;
  #store: Promise<FileStore> | undefined;
  #closed: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  open(): Promise<FileStore> {
    this.#devices += 1;
    this.#store ??= this.#closed.then(() => FileStore.open(this.#path));
    return this.#store.catch((error) => {
      this.#devices -= 1;
      this.#store = undefined;
      if (this.#devices === 0) folders.delete(this.#path);
      throw error;
    });
  }

  async close(): Promise<void> {
    this.#devices -= 1;
    if (this.#devices > 0) return;
    const store = await this.#store;
    this.#store = undefined;
    await (this.#closed = Promise.resolve(store?.close()));
    if (this.#devices === 0) folders.delete(this.#path);
  }
}

const folders = new Map<string, Folder>();
/** Compiled once, for every device of this process. */
let modules: Promise<WebAssembly.Module[]> | undefined;

/**
 * Opens a personalizer over a folder. Who opens a folder and a task again in this process shares the device, and has to
 * close it as well; another process is refused, and so are other options.
 */
export async function createPersonalizer<S extends Schema = Schema>({
  folder,
  ...options
}: NodeOptions<S>): Promise<Personalizer<S>> {
  // The source of randomness is looked for where a browser has it.
  Object.assign(globalThis, { self: globalThis });
  modules ??= Promise.all(["rank", "release"].map(moduleOf));
  const [rank, release] = await modules;
  const path = realPathOf(folder);
  const place = folders.get(path) ?? new Folder(path);
  folders.set(path, place);
  const whole = { ...options, worker: serve, backend: "simd", wasm: { rank, release } };
  return Personalizer.open<S>(whole as unknown as Options<S>, place);
}

/** A folder is the same one by whatever links and dots it is named. */
function realPathOf(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return realpathSync(folder);
  } catch {
    throw new PrivetError("storage-unavailable", `the folder ${folder} can neither be made nor opened`);
  }
}

async function moduleOf(name: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL(`./${name}_bg.wasm`, import.meta.url)));
}
