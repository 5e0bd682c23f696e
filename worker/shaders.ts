// Whether shaders learn, and how much at once: where the application says so, or where they have shown on this device to be
// quicker.

import type { Contributor } from "../web/pkg/full/full.js";
import type { Device } from "./module.ts";
import { pack, unpack } from "./pack.ts";
import type { Choice, Shaders as Stand } from "./protocol.ts";
import type { Store } from "./store.ts";

/** A call waits for one slice of learning at most. */
const SLICE_MS = 16;
/** With so many steps it begins, and more than so many are never submitted at once. */
const [FIRST, MOST] = [8, 512];
/** What is measured takes no longer. */
const MEASURING_MS = 30;

/** What was measured, and on what. */
interface Measured {
  adapter: string;
  dimension: number;
  quicker: boolean;
}

export class Shaders {
  /** Nothing while it is not known yet. */
  stand: Stand | undefined;
  #most = FIRST;
  readonly #backend: Choice;
  readonly #store: Store;
  readonly #key: string;

  constructor(backend: Choice, store: Store, key: string) {
    this.#backend = backend;
    this.#store = store;
    this.#key = key;
  }

  /** Takes some of the steps that are owed; how many. Where it is none, they are the CPU's, which takes so long for one. */
  async tune(contributor: Contributor, device: Device, stepMs: number): Promise<number> {
    if (this.stand && this.stand !== "in-use") return 0;
    if (this.stand) return this.#slice(contributor, device);
    if (this.#backend === "webgpu") {
      this.stand = "in-use";
      return this.#slice(contributor, device);
    }
    return this.#choose(contributor, device, stepMs);
  }

  /** Whether candidates are scored here, too: only by the application's word. SIMD has an order of 10,000 in some 30 ms. */
  get scores(): boolean {
    return this.#backend === "webgpu" && (this.stand ?? "in-use") === "in-use";
  }

  async score(contributor: Contributor, sight: Uint8Array): Promise<Float32Array | undefined> {
    if (sight.length === 0) return undefined;
    const scored = await contributor.score(sight);
    this.look(contributor);
    return scored;
  }

  /** By what was measured here before, or by what is measured now: the steps that it takes are real ones. */
  async #choose(contributor: Contributor, device: Device, stepMs: number): Promise<number> {
    const { dimension } = device;
    const adapter = await adapterOf();
    const stored = adapter && (await this.#store.get(this.#key));
    const before = stored ? unpack<Measured>(stored) : undefined;
    this.stand = adapter ? "in-use" : "no-adapter";
    if (!adapter) return 0;
    const isKnown = before?.adapter === adapter && before.dimension === dimension;
    if (isKnown && !before.quicker) return this.#leave(contributor);
    contributor.wantGpu();
    if (isKnown) return this.#slice(contributor, device);
    // Opening it, and probing it, is paid once and not for each step.
    let taken = await this.#steps(contributor, device, 1);
    let [most, gpuMs, tookMs] = [FIRST, Number.POSITIVE_INFINITY, 0];
    const until = performance.now() + MEASURING_MS;
    do {
      const start = performance.now();
      const steps = await this.#steps(contributor, device, most);
      if (steps === 0) break;
      tookMs = performance.now() - start;
      gpuMs = Math.min(gpuMs, tookMs / steps);
      taken += steps;
      most = Math.min(4 * most, MOST);
      // The next one has four times as much to do.
    } while (performance.now() + 4 * tookMs < until);
    if (this.stand !== "in-use") return taken;
    const measured: Measured = { adapter, dimension, quicker: gpuMs < stepMs };
    await this.#store.put({ [this.#key]: pack(measured) });
    if (!measured.quicker) this.#leave(contributor);
    return taken;
  }

  #leave(contributor: Contributor): 0 {
    contributor.leaveGpu();
    this.stand = "slower";
    return 0;
  }

  /** As many steps as fit in a slice. */
  async #slice(contributor: Contributor, device: Device): Promise<number> {
    const start = performance.now();
    const taken = await this.#steps(contributor, device, this.#most);
    const fit = (SLICE_MS / (performance.now() - start)) * taken;
    if (taken > 0) this.#most = Math.round(Math.min(Math.max(fit, 1), 2 * this.#most, MOST));
    return taken;
  }

  async #steps(contributor: Contributor, device: Device, most: number): Promise<number> {
    const tuned = await contributor.tune(device.lend(most), most);
    this.look(contributor);
    if (!tuned) return 0;
    const { steps, state } = tuned;
    device.took(steps, state);
    tuned.free();
    return steps;
  }

  /** Takes note of what became of the GPU. */
  look({ backend, trouble }: Contributor): void {
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
