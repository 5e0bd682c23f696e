// A device in Node, without a page: the worker's host over the modules that ship and a store that a test can look into.

import { readFileSync } from "node:fs";
import * as release from "../../worker/release.ts";
import { Host } from "../../worker/host.ts";
import { provide } from "../../worker/release_loader.ts";
import type { Items, OpenOptions } from "../../worker/protocol.ts";
import { Server as Leader } from "../../worker/server.ts";
import { MemoryStore } from "../../worker/store.ts";
import type { Server } from "../harness.ts";

// The source of randomness is looked for where a browser has it.
Object.assign(globalThis, { self: globalThis });
provide(release);
const compiled = (name: string) =>
  new WebAssembly.Module(readFileSync(new URL(`../../web/pkg/${name}/${name}_bg.wasm`, import.meta.url)));
const wasm = { rank: compiled("rank"), release: compiled("release") };

/** Outlives its device, and can be put back to what it was. */
export class Kept extends MemoryStore {
  override readonly lasting = true;

  async copy(): Promise<Kept> {
    const copy = new Kept();
    const keys = await this.keys("");
    const values = await Promise.all(keys.map(async (key) => [key, await this.get(key)] as const));
    await copy.put(Object.fromEntries(values));
    return copy;
  }
}

/** The task of a server, waiting for nothing, by hand. */
export async function optionsFor(server: Server, more: Partial<OpenOptions> = {}): Promise<OpenOptions> {
  const said = (await (await fetch(`${server.address}/v1/identity`)).json()) as Record<"leader" | "helper", string>;
  const bytes = (key: string) => new Uint8Array(Buffer.from(key, "hex"));
  const keys = { leader: bytes(said.leader), ...(said.helper && { helper: bytes(said.helper) }) };
  const policy = { waitMs: 0, sessions: 0, intervalMs: 0, rhoAlone: "none", interleaveEvery: 0 } as const;
  const plain = {
    tab: "test",
    keepAlive: false,
    task: "demo",
    backend: "scalar",
    memory: false,
    scheduled: false,
    tokens: false,
  } as const;
  return {
    ...plain,
    wasm,
    leader: { url: server.address, keys, oneOwner: false },
    policy,
    allowEvictable: true,
    ...more,
  };
}

export async function open(options: OpenOptions, store = new Kept()): Promise<Host> {
  const leader = new Leader(options.leader?.url ?? "");
  return Host.start(options, store, leader, () => Promise.reject(new Error("no tokens")), Promise.resolve(undefined));
}

let calls = 0;

/** What a call comes with: that of a tab, which says so again where it is handed over. */
export const context = (mark = { tab: "test", call: ++calls }) => ({
  mark,
  signal: new AbortController().signal,
  onProgress: () => undefined,
});

/** One item, alike to all others but in one number. */
export function item(n: number): Items {
  const embedding = Array.from({ length: 16 }, (_, i) => (i === n % 16 ? 1 : 0.125));
  return {
    lengths: Uint32Array.of(16, 0, 0),
    numbers: Float32Array.of(0, ...embedding),
    places: new Uint16Array(),
    names: [`item-${n}`],
  };
}

/** So many events: some things are seen, and then some are chosen. */
export async function choose(host: Host, times: number): Promise<void> {
  for (let n = 0; n < times; n++) {
    const moment = { ms: Date.now() - (times - n) * 1000, offsetMin: 0 };
    const kind = n < 4 ? "impression" : "click";
    await host.record({ kind, items: item(n), value: 0, slate: undefined, moment }, context());
  }
}

/** The code of its refusal, or nothing. */
export const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => String((error as { code?: string }).code ?? error),
  );
