// The package in Node, and in Electron's main process: the same calls, kept in a folder, computed on the CPU.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { serve } from "../../../worker/worker.ts";
import { createPersonalizer as create, type Personalizer } from "../index.ts";
import type { Options, Schema } from "../types.ts";
import { FileStore } from "./files.ts";

export * from "../index.ts";
export { FileStore };

/** How to open a personalizer in Node. */
export interface NodeOptions<S extends Schema = Schema> extends Omit<
  Options<S>,
  "storage" | "worker" | "backend" | "wasm"
> {
  /** Where the ledger and the profile are kept. It is one process's at a time. */
  folder: string;
}

const opened = new Map<string, Promise<Personalizer>>();

/** Opens a personalizer over a folder; where that is open in this process already, the same. Closing gives it back. */
export function createPersonalizer<S extends Schema = Schema>(options: NodeOptions<S>): Promise<Personalizer<S>> {
  const folder = resolve(options.folder);
  const there = opened.get(folder) ?? openIn(folder, options as NodeOptions);
  opened.set(folder, there);
  there.catch(() => opened.delete(folder));
  return there as unknown as Promise<Personalizer<S>>;
}

async function openIn(folder: string, { folder: _, ...options }: NodeOptions): Promise<Personalizer> {
  // The source of randomness is looked for where a browser has it.
  Object.assign(globalThis, { self: globalThis });
  const [rank, full] = await Promise.all([moduleOf("rank"), moduleOf("full")]);
  const store = await FileStore.open(folder);
  try {
    const whole = { ...options, storage: store, worker: serve, backend: "simd", wasm: { rank, full } };
    const personalizer = await create(whole as unknown as Options);
    const close = personalizer.close.bind(personalizer);
    personalizer.close = async () => {
      await close();
      await store.close();
      opened.delete(folder);
    };
    return personalizer;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function moduleOf(name: string): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await readFile(new URL(`./${name}_bg.wasm`, import.meta.url)));
}
