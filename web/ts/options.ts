// An application's options, made ready for the device.

import { idAtRandom } from "../../worker/bytes.ts";
import type { OpenOptions, Sources } from "../../worker/protocol.ts";
import { headIn } from "../../worker/head.ts";
import { refuse } from "./check.ts";
import { PrivetError } from "./error.ts";
import type { Bytes, Key, Options, Wasm } from "./types.ts";

/** The options as they cross to the device: defaults filled in, addresses absolute, keys and heads as bytes. */
export async function openOptionsFrom(options: Options): Promise<OpenOptions> {
  if (!options.aggregators && !options.head)
    refuse("head", options.head, "without aggregators give createHead's, an address, a Response or bytes");
  const {
    task = "local",
    aggregators,
    head,
    wasm,
    policy = {},
    backend = "auto",
    storage,
    schedule = "auto",
  } = options;
  const helper = aggregators?.helper && { helper: keyBytes(aggregators.helper.key) };
  const leader = aggregators && {
    url: absolute(aggregators.leader.url),
    keys: { leader: keyBytes(aggregators.leader.key), ...helper },
    oneOwner: aggregators.oneOwner === true,
  };
  return {
    task,
    tab: idAtRandom(),
    policy,
    ...(leader && { leader }),
    ...(head && { head: isPlace(head) ? absolute(head) : await bytesOf(head) }),
    ...(wasm && { wasm: await sourcesOf(wasm) }),
    backend,
    memory: storage === "memory",
    scheduled: schedule === "auto",
    tokens: options.tokens !== undefined,
    keepAlive: (options as { keepAlive?: boolean }).keepAlive === true,
    allowEvictable: options.allowEvictable === true,
    ...(options.integrity && { integrity: options.integrity }),
  };
}

/**
 * A fingerprint of the options: whoever opens the same device again must have the same one. What is made anew each time (a
 * signal, a function) is not in it, nor how a thing is written: an address may be relative, a key in digits.
 */
export function fingerprintOf(options: Options): string {
  const { head, wasm, aggregators, policy = {}, backend = "auto", worker, schedule = "auto", allowEvictable } = options;
  const { leader, helper } = aggregators ?? {};
  const written = (part: unknown) => (isPlace(part) ? absolute(part) : part);
  const plain = [
    written(head),
    wasm && [written(bothOf(wasm).rank), written(bothOf(wasm).release)],
    leader && [absolute(leader.url), keyBytes(leader.key), helper && keyBytes(helper.key)],
    Object.entries(policy).sort(([a], [b]) => (a < b ? -1 : 1)),
    [backend, typeof worker, schedule, options.storage === "memory", allowEvictable === true],
  ];
  return JSON.stringify(plain, (_, part: unknown) => {
    if (part instanceof Response) return part.url;
    return part instanceof ArrayBuffer ? new Uint8Array(part) : part;
  });
}

function isPlace(source: unknown): source is string | URL {
  return typeof source === "string" || source instanceof URL;
}

/** An address against the page's, which a worker does not know. */
function absolute(place: string | URL): string {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  if (!URL.canParse(place, base))
    refuse("an address", String(place), "there is no page that it could be relative to: of a file, give the bytes");
  return new URL(place, base).href;
}

async function bytesOf(source: Response | Bytes): Promise<Uint8Array> {
  if (!(source instanceof Response)) return headIn(viewOf(source), "the bytes");
  if (!source.ok) throw new PrivetError("head-refused", `there is no head at ${source.url}: status ${source.status}`);
  return headIn(new Uint8Array(await source.arrayBuffer()), source.url);
}

/** One by itself is the module that ranks. */
function bothOf(wasm: NonNullable<Options["wasm"]>): { rank?: Wasm | undefined; release?: Wasm | undefined } {
  return isWasm(wasm) ? { rank: wasm } : wasm;
}

async function sourcesOf(wasm: NonNullable<Options["wasm"]>): Promise<Sources> {
  const { rank, release } = bothOf(wasm);
  const sources: Sources = {};
  if (rank) sources.rank = await sourceOf(rank);
  if (release) sources.release = await sourceOf(release);
  return sources;
}

function isWasm(wasm: NonNullable<Options["wasm"]>): wasm is Wasm {
  return isPlace(wasm) || !("rank" in wasm || "release" in wasm);
}

async function sourceOf(wasm: Wasm): Promise<string | WebAssembly.Module> {
  return isPlace(wasm) ? absolute(wasm) : moduleOf(wasm);
}

async function moduleOf(source: Response | Bytes | WebAssembly.Module): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof Response) return WebAssembly.compileStreaming(source);
  return WebAssembly.compile(viewOf(source) as BufferSource);
}

function viewOf(bytes: Bytes): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}

function keyBytes(key: Key): Uint8Array {
  if (typeof key !== "string") return key;
  return Uint8Array.from(key.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
