// Reference counts of the devices that are open in this thread, by store and task: whoever opens one again shares it, and
// the last one to close it closes the device.

import type { Names } from "../../worker/protocol.ts";
import type { Store } from "../../worker/store.ts";
import { Client } from "./client.ts";
import { gaveUp, PrivetError } from "./error.ts";
import { openOptionsFrom, fingerprintOf } from "./options.ts";
import type { Options } from "./types.ts";

/** A store, opened and closed for each device in it. Devices are told apart by this object and their task. */
export interface Place {
  /** Gives nothing where the worker opens a store by itself. */
  open(): Promise<Store | undefined>;
  /** Once for each `open`. */
  close(): Promise<void>;
}

/** A reference to an open device. */
export interface Held {
  readonly client: Client;
  readonly names: Names;
  /** Whether there are aggregators. */
  readonly takesPart: boolean;
  /** Gives the reference back, once. If it was the last, resolves when the device is closed. */
  release(): Promise<void>;
}

/** The storage of the page's own origin. */
const PAGE: Place = { open: async () => undefined, close: async () => undefined };
/** Each store that an application brings is a place of its own. */
const owned = new WeakMap<Store, Place>();
const openings = new WeakMap<Place, Map<string, Opening>>();

/** One device, and how many hold it. */
class Opening {
  readonly fingerprint: string;
  readonly device: Promise<Omit<Held, "release">>;
  #holders = 0;
  #client: Client | undefined;
  #stored = false;
  /** Set when it begins to close; resolves when it is closed. */
  ended: Promise<void> | undefined;
  readonly #place: Place;

  constructor(place: Place, options: Options, fingerprint: string, before: Promise<void> | undefined) {
    this.fingerprint = fingerprint;
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
    // Before waiting: else the device before would close the place, and this one open it again.
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

  /** A device may still be opening: its client is ended now if there is one, and once more when it has opened. */
  async #end(): Promise<void> {
    await this.#client?.end(closed());
    await this.device.catch(() => undefined);
    await this.#client?.end(closed());
    if (this.#stored) await this.#place.close();
  }
}

/** Takes a reference to the device of this place and task, or opens it. One that is closing is waited for first. */
export async function hold(options: Options, at?: Place): Promise<Held> {
  const { task = "local", signal, storage } = options;
  if (signal?.aborted) throw gaveUp(signal);
  const place = at ?? (typeof storage === "object" ? placeOf(storage) : PAGE);
  const there = openings.get(place) ?? new Map<string, Opening>();
  openings.set(place, there);
  const fingerprint = fingerprintOf(options);
  let opening = there.get(task);
  if (!opening || opening.ended) there.set(task, (opening = new Opening(place, options, fingerprint, opening?.ended)));
  else if (opening.fingerprint !== fingerprint)
    throw new PrivetError("options-differ", `a personalizer of “${task}” is open there with other options`);
  const release = opening.hold();
  try {
    return { ...(await unlessAborted(opening.device, signal)), release };
  } catch (error) {
    const over = release();
    // Whoever aborted does not wait until it is closed.
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
