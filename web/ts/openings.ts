// What is open in this thread, by what it stores in and by task. Opening is shared; ending is not: the last one that has it
// open closes it.

import type { Names } from "../../worker/protocol.ts";
import type { Store } from "../../worker/store.ts";
import { Client } from "./client.ts";
import { gaveUp, PrivetError } from "./error.ts";
import { openOptionsFrom, printOf } from "./options.ts";
import type { Options } from "./types.ts";

/** What devices store in, and are told apart by: the same object is the same place. */
export interface Place {
  /** Nothing where the worker has a store of its own. */
  open(): Promise<Store | undefined>;
  /** Once for each `open`. */
  close(): Promise<void>;
}

/** What somebody has open. */
export interface Held {
  readonly client: Client;
  readonly names: Names;
  /** Whether there are aggregators. */
  readonly takesPart: boolean;
  /** They have it no more; resolves when it is closed, if they were the last. */
  release(): Promise<void>;
}

/** The storage of the page's own origin. */
const PAGE: Place = { open: async () => undefined, close: async () => undefined };
/** What an application brings is a place by itself. */
const owned = new WeakMap<Store, Place>();
const openings = new WeakMap<Place, Map<string, Opening>>();

/** One device, however many have it open. */
class Opening {
  readonly print: string;
  readonly device: Promise<Omit<Held, "release">>;
  #holders = 0;
  #client: Client | undefined;
  #stored = false;
  /** Resolves when nothing of it is open any more. */
  ended: Promise<void> | undefined;
  readonly #place: Place;

  constructor(place: Place, options: Options, print: string, before: Promise<void> | undefined) {
    this.print = print;
    this.#place = place;
    this.device = this.#open(options, before);
    this.device.catch(() => undefined);
  }

  hold(): () => Promise<void> {
    let held = true;
    this.#holders += 1;
    return async () => {
      if (held) this.#holders -= 1;
      held = false;
      if (this.#holders === 0) await (this.ended ??= this.#end());
    };
  }

  async #open(options: Options, before: Promise<void> | undefined): Promise<Omit<Held, "release">> {
    // Counted at once: it is not closed, and opened again, while one follows the other.
    const stored = this.#place.open();
    stored.catch(() => undefined);
    await before;
    const storage = await stored;
    this.#stored = true;
    const lost = () => void (this.ended ??= this.#end());
    const client = (this.#client = await Client.start(options, await openOptionsFrom(options), storage, lost));
    if (this.ended) throw closed();
    return { client, names: await client.open(), takesPart: options.aggregators !== undefined };
  }

  /** One that has only begun to open ends as soon as it finds that nobody wants it. */
  async #end(): Promise<void> {
    await this.#client?.end(closed());
    await this.device.catch(() => undefined);
    await this.#client?.end(closed());
    if (this.#stored) await this.#place.close();
  }
}

/** Takes part in what is open there, or opens it. What was closed a moment ago is over before it is opened again. */
export async function hold(options: Options, at?: Place): Promise<Held> {
  const { task = "local", signal, storage } = options;
  if (signal?.aborted) throw gaveUp(signal);
  const place = at ?? (typeof storage === "object" ? placeOf(storage) : PAGE);
  const there = openings.get(place) ?? new Map<string, Opening>();
  openings.set(place, there);
  const print = printOf(options);
  let opening = there.get(task);
  if (!opening || opening.ended) there.set(task, (opening = new Opening(place, options, print, opening?.ended)));
  else if (opening.print !== print)
    throw new PrivetError("options-differ", `a personalizer of “${task}” is open there with other options`);
  const release = opening.hold();
  try {
    return { ...(await unlessAborted(opening.device, signal)), release };
  } catch (error) {
    const over = release();
    // Whoever gave up does not wait for what the others may still want.
    if (!signal?.aborted) await over;
    throw error;
  }
}

function placeOf(store: Store): Place {
  const place = owned.get(store) ?? { open: async () => store, close: async () => undefined };
  owned.set(store, place);
  return place;
}

function closed(): PrivetError {
  return new PrivetError("closed", "this personalizer is closed");
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => reject(gaveUp(signal));
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
