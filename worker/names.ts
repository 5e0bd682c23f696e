// The names behind the core's keys. The core keeps 64 bits of each id and of each value; what this session has seen can
// be named.

/** More than there are events in the core's log and candidates in an order. */
const MOST = 1 << 15;

export class NamesSeen {
  readonly #names = new Map<bigint, string>();
  readonly #keys = new Set<string>();
  readonly #keyOf: (name: string) => bigint;

  constructor(keyOf: (name: string) => bigint) {
    this.#keyOf = keyOf;
  }

  note(names: readonly string[]): void {
    for (const name of names) {
      if (this.#keys.has(name)) continue;
      if (this.#keys.size >= MOST) this.clear();
      this.#keys.add(name);
      this.#names.set(this.#keyOf(name), name);
    }
  }

  of(key: bigint | undefined): string | undefined {
    return key === undefined ? undefined : this.#names.get(key);
  }

  clear(): void {
    this.#names.clear();
    this.#keys.clear();
  }
}
