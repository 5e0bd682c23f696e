// Whether WebGPU learns, and how many steps a submission takes: where the application says so, or where a measurement on this
// device found it quicker than SIMD.

import { type Participation, openShaders, type Shaders as Opened } from "../web/pkg/release/release.js";
import type { Ranker } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type { Choice, Shaders as Stand } from "./protocol.ts";
import type { Store } from "./store.ts";

/** The longest slice: a call waits for one at most. */
const SLICE_MS = 16;
/** Steps of the first submission, and the most of any. */
const [FIRST, MOST] = [8, 512];
/** How long the GPU is measured, and SIMD after it: under 30 ms together. */
const [MEASURING_MS, BESIDE_MS] = [18, 8];

/** A stored measurement. */
interface Measured {
  adapter: string;
  dimension: number;
  stand: Stand;
}

export class Shaders {
  /** Undefined until it is known. */
  stand: Stand | undefined;
  #opened: Opened | undefined;
  #opening: Promise<void> | undefined;
  /** An adapter that was not measured yet. */
  #unmeasured: string | undefined;
  #most = FIRST;
  readonly #backend: Choice;
  readonly #store: Store;
  readonly #key: string;

  constructor(backend: Choice, store: Store, key: string) {
    this.#backend = backend;
    this.#store = store;
    this.#key = key;
  }

  /** Whether the application asks for WebGPU. */
  get wanted(): boolean {
    return this.#backend === "webgpu";
  }

  /** Whether opening is over, with success or without. */
  get isOpen(): boolean {
    return (this.#opened ?? this.stand) !== undefined;
  }

  /** Opens them, once, without holding the device meanwhile: a browser may take its time. */
  open(dimension: number): Promise<void> {
    this.#opening ??= this.#open(dimension).catch(() => void (this.stand = "gpu-failed"));
    return this.#opening;
  }

  async #open(dimension: number): Promise<void> {
    if (!this.wanted) {
      const adapter = await adapterOf();
      const stored = await this.#store.get(this.#key);
      const before = stored ? unpack<Measured>(stored) : undefined;
      const isKnown = adapter !== undefined && before?.adapter === adapter && before.dimension === dimension;
      if (!adapter) this.stand = "no-adapter";
      else if (!isKnown) this.#unmeasured = adapter;
      else if (before.stand !== "in-use") this.stand = before.stand;
      if (this.stand) return;
    }
    this.#opened = await openShaders();
  }

  /** Hands the opened shaders to the core, once. */
  hand(core: Participation): void {
    if (!this.#opened) return;
    core.computeBy(this.#opened);
    this.#opened = undefined;
    this.#look(core);
  }

  /** Takes some of the owed steps and returns how many; with 0 the CPU takes them. */
  async tune(core: Participation, device: Ranker): Promise<number> {
    this.hand(core);
    if (this.stand !== "in-use") {
      await this.#keep(device);
      return 0;
    }
    return this.#unmeasured ? this.#measure(core, device) : this.#slice(core, device);
  }

  /** Scores candidates; undefined where the CPU is to. */
  async score(core: Participation, batch: Uint8Array): Promise<Float32Array | undefined> {
    if (batch.length === 0) return undefined;
    const scored = await core.score(batch);
    this.#look(core);
    return scored;
  }

  /** Notices a GPU that was lost while something else was computed. */
  look(core: Participation): void {
    if (this.stand === "in-use") this.#look(core);
  }

  /** Measures both on real steps, one after the other. With too few steps nothing is decided. */
  async #measure(core: Participation, device: Ranker): Promise<number> {
    let [most, gpuMs, took, taken] = [1, Number.POSITIVE_INFINITY, 0, 0];
    const until = performance.now() + MEASURING_MS;
    do {
      const { steps, ms } = await this.#timed(() => this.#steps(core, device, most));
      taken += steps;
      if (steps < most) break;
      [took, gpuMs] = [ms, Math.min(gpuMs, ms / steps)];
      most = Math.min(4 * most, MOST);
      // The next submission has four times as many steps.
    } while (performance.now() + 4 * took < until);
    const beside = await this.#timed(() => {
      const { owed } = device;
      device.train(BESIDE_MS);
      return owed - device.owed;
    });
    if (this.stand === "in-use") {
      if (!Number.isFinite(gpuMs) || beside.steps === 0) return taken;
      this.stand = gpuMs < beside.ms / beside.steps ? "in-use" : "slower";
      if (this.stand === "slower") core.giveBack();
    }
    await this.#keep(device);
    return taken;
  }

  /** Stores the outcome: it is measured once for each adapter and size of head. */
  async #keep({ dimension }: Ranker): Promise<void> {
    const [adapter, stand] = [this.#unmeasured, this.stand];
    if (!adapter || !stand) return;
    this.#unmeasured = undefined;
    await this.#store.put({ [this.#key]: pack({ adapter, dimension, stand } satisfies Measured) });
  }

  async #timed(work: () => number | Promise<number>): Promise<{ steps: number; ms: number }> {
    const start = performance.now();
    const steps = await work();
    return { steps, ms: performance.now() - start };
  }

  /** Takes as many steps as fit in a slice. */
  async #slice(core: Participation, device: Ranker): Promise<number> {
    const { steps, ms } = await this.#timed(() => this.#steps(core, device, this.#most));
    const fit = (SLICE_MS / ms) * steps;
    if (steps > 0) this.#most = Math.round(Math.min(Math.max(fit, 1), 2 * this.#most, MOST));
    return steps;
  }

  async #steps(core: Participation, device: Ranker, most: number): Promise<number> {
    const tuned = await core.tune(device.lend(most), most);
    this.#look(core);
    if (!tuned) return 0;
    try {
      device.took(tuned.steps, tuned.state);
      return tuned.steps;
    } finally {
      tuned.free();
    }
  }

  #look({ backend, trouble }: Participation): void {
    if (trouble) this.stand = trouble as Stand;
    else if (backend === "webgpu") this.stand = "in-use";
  }
}

/** Names the adapter; undefined where there is none. */
async function adapterOf(): Promise<string | undefined> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info;
  return [vendor, architecture, device, description].join("/");
}
