// Whether shaders compute, and how much at once: where the application says so, or where they have shown on this device to be
// quicker.

import { type Participation, openShaders, type Shaders as Opened } from "../web/pkg/release/release.js";
import type { Ranker } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type { Choice, Shaders as Stand } from "./protocol.ts";
import type { Store } from "./store.ts";

/** A call waits for one slice of learning at most. */
const SLICE_MS = 16;
/** With so many steps it begins, and more than so many are never submitted at once. */
const [FIRST, MOST] = [8, 512];
/** No submission is begun that would end later than this, and SIMD is measured for so long: under 30 ms together. */
const [MEASURING_MS, BESIDE_MS] = [18, 8];

/** What was measured, and on what. */
interface Measured {
  adapter: string;
  dimension: number;
  stand: Stand;
}

export class Shaders {
  /** Nothing while it is not known yet. */
  stand: Stand | undefined;
  #opened: Opened | undefined;
  #opening: Promise<void> | undefined;
  /** The adapter whose shaders are to be measured first. */
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

  /** Whether the application wants them, needed or not. */
  get wanted(): boolean {
    return this.#backend === "webgpu";
  }

  /** Whether it is known that they can compute, or why they cannot. */
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

  /** Has this one compute by them, if they were opened and nobody does yet. */
  hand(core: Participation): void {
    if (!this.#opened) return;
    core.computeBy(this.#opened);
    this.#opened = undefined;
    this.#look(core);
  }

  /** Takes some of the steps that are owed; how many. Where it is none, they are the CPU's. */
  async tune(core: Participation, device: Ranker): Promise<number> {
    this.hand(core);
    if (this.stand !== "in-use") {
      await this.#keep(device);
      return 0;
    }
    return this.#unmeasured ? this.#measure(core, device) : this.#slice(core, device);
  }

  /** What they make of candidates; nothing where the CPU is to. */
  async score(core: Participation, batch: Uint8Array): Promise<Float32Array | undefined> {
    if (batch.length === 0) return undefined;
    const scored = await core.score(batch);
    this.#look(core);
    return scored;
  }

  /** Takes note of what became of the GPU while something else was computed. */
  look(core: Participation): void {
    if (this.stand === "in-use") this.#look(core);
  }

  /** Both take real steps, one after the other. Where there is too little to take, nothing is known by it. */
  async #measure(core: Participation, device: Ranker): Promise<number> {
    let [most, gpuMs, took, taken] = [1, Number.POSITIVE_INFINITY, 0, 0];
    const until = performance.now() + MEASURING_MS;
    do {
      const { steps, ms } = await this.#timed(() => this.#steps(core, device, most));
      taken += steps;
      if (steps < most) break;
      [took, gpuMs] = [ms, Math.min(gpuMs, ms / steps)];
      most = Math.min(4 * most, MOST);
      // The next one has four times as much to do.
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

  /** What was found out is found out once for each adapter and size of head. */
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

  /** As many steps as fit in a slice. */
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

/** What a browser says of its adapter; nothing where there is none. */
async function adapterOf(): Promise<string | undefined> {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  if (!adapter) return undefined;
  const { vendor, architecture, device, description } = adapter.info;
  return [vendor, architecture, device, description].join("/");
}
