// The profile on disk: a snapshot and a log of what came after it. A caller that is told that an event was recorded may close
// the tab: its line is stored. A crash of the machine may cost what the system had not flushed yet.

import type { Mark } from "./calls.ts";
import { pack, unpack } from "./pack.ts";
import { codeOf } from "./refusal.ts";
import type { Changes, Store } from "./store.ts";

/** So many lines are replaced by a snapshot. */
const LINES = 128;
/** Idempotency keys are kept of so many tabs. */
const TABS = 64;

/** A change of the profile, to be replayed. */
export interface Line {
  call: string;
  args: unknown[];
}

/** A profile as it was read. */
export interface Stored {
  snapshot: Uint8Array | undefined;
  marks: Uint8Array | undefined;
  keys: string[];
  lines: (Uint8Array | undefined)[];
}

export class Journal {
  readonly #store: Store;
  readonly #prefix: string;
  /** Each tab's last call that is in the profile: idempotency. */
  #marks = new Map<string, number>();
  /** The lines since the snapshot, by their numbers. */
  #first = 0;
  #next = 0;
  #batch: Record<string, Uint8Array | undefined> = {};
  #writing: Promise<void> = Promise.resolve();
  #waiting: Promise<void> | undefined;
  /** Whether nothing of a profile is stored. */
  isEmpty = true;
  /** Why the stored profile was refused. As long as this is set, nothing is written over it. */
  damaged: string | undefined;

  constructor(store: Store, prefix: string) {
    this.#store = store;
    this.#prefix = prefix;
  }

  /** All that is stored; nothing of it is used yet. */
  async read(): Promise<Stored> {
    const get = (key: string) => this.#store.get(key);
    const own = ["profile", "marks"].map((name) => get(this.#prefix + name));
    const [keys, snapshot, marks] = await Promise.all([this.#store.keys(`${this.#prefix}event/`), ...own]);
    return { keys, snapshot, marks, lines: await Promise.all(keys.map(get)) };
  }

  /** Takes what was read; whether there was any, and no word of it where it is damaged. */
  async restore(stored: Promise<Stored>, load: (snapshot: Uint8Array) => void, replay: (line: Line) => void) {
    try {
      const { keys, snapshot, marks, lines } = await stored;
      // Whatever becomes of them, a snapshot takes the place of all of these.
      this.#first = numberOf(keys[0]);
      this.#next = keys.length ? numberOf(keys.at(-1)) + 1 : 0;
      if (snapshot) load(snapshot);
      if (marks) this.#marks = new Map(unpack<[string, number][]>(marks));
      for (const bytes of lines) {
        const { mark, ...line } = unpack<Line & { mark: Mark }>(bytes as Uint8Array);
        replay(line);
        this.#note(mark);
      }
      this.isEmpty = snapshot === undefined && keys.length === 0;
      return !this.isEmpty;
    } catch (error) {
      this.damaged = codeOf(error) ?? "state-damaged";
      return false;
    }
  }

  /** Whether this call is not in the profile yet. */
  isNew({ tab, call }: Mark): boolean {
    return call > (this.#marks.get(tab) ?? 0);
  }

  /** Resolves when nothing waits to be stored, what failed before among it. */
  async flush(): Promise<void> {
    await this.settled();
    if (Object.keys(this.#batch).length > 0) await this.#write({});
  }

  /** Adds a line; resolves when it is stored. */
  append(line: Line, mark: Mark): Promise<void> {
    this.#note(mark);
    return this.#write({ [this.#key(this.#next++)]: pack({ ...line, mark }) });
  }

  /** Whether there are so many lines that a snapshot is due. */
  get isLong(): boolean {
    return this.#next - this.#first >= LINES;
  }

  /** The profile as it is now takes the place of all lines, those on their way among them. */
  replace(snapshot: Uint8Array, mark?: Mark): Promise<void> {
    if (mark) this.#note(mark);
    const changes: Record<string, Uint8Array | undefined> = {
      [`${this.#prefix}profile`]: snapshot,
      [`${this.#prefix}marks`]: pack([...this.#marks]),
    };
    while (this.#first < this.#next) changes[this.#key(this.#first++)] = undefined;
    return this.#write(changes);
  }

  /** Resolves when nothing is on its way to the store. */
  async settled(): Promise<void> {
    await (this.#waiting ?? this.#writing).catch(() => undefined);
  }

  /** One write at a time; what comes meanwhile is batched into the next. */
  #write(changes: Changes): Promise<void> {
    if (this.damaged) return Promise.resolve();
    this.isEmpty = false;
    Object.assign(this.#batch, changes);
    this.#waiting ??= this.#writing.then(async () => {
      const batch = this.#batch;
      this.#batch = {};
      this.#waiting = undefined;
      const written = this.#store.put(batch);
      this.#writing = written.catch(() => {
        this.#batch = { ...batch, ...this.#batch };
      });
      await written;
    });
    return this.#waiting;
  }

  #note({ tab, call }: Mark): void {
    this.#marks.delete(tab);
    this.#marks.set(tab, call);
    for (const [oldest] of this.#marks) {
      if (this.#marks.size <= TABS) break;
      this.#marks.delete(oldest);
    }
  }

  #key(number: number): string {
    return `${this.#prefix}event/${String(number).padStart(12, "0")}`;
  }
}

const numberOf = (key = "/0") => Number(key.slice(key.lastIndexOf("/") + 1));
