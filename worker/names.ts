// The names behind the core's keys. The core keeps 64 bits of each id and of each value; what this session has seen can
// be named.

import { key } from "./module.ts";

/** The most names that are kept: more than the core's log and an order can mention. */
const MOST = 1 << 15;

export class NamesSeen {
  readonly #names = new Map<bigint, string>();
  readonly #seen = new Set<string>();

  note(names: readonly string[]): void {
    for (const name of names) {
      if (this.#seen.has(name)) continue;
      if (this.#seen.size >= MOST) this.clear();
      this.#seen.add(name);
      this.#names.set(key(name), name);
    }
  }

  of(key: bigint): string | undefined {
    return this.#names.get(key);
  }

  clear(): void {
    this.#names.clear();
    this.#seen.clear();
  }
}
