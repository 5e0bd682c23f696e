// What a worker wants first, loaded by its page while the worker starts: the module that ranks, the open round, its head.

import { rankAddress } from "./lanes.ts";
import type { OpenOptions } from "./protocol.ts";

/** Nothing of it where the page could not load it: the worker asks again, and says what is wrong. */
export interface Early {
  rank?: WebAssembly.Module | undefined;
  round?: Uint8Array | undefined;
  /** What the server says is the round's head; the worker sees whether it is. */
  head?: Uint8Array | undefined;
}

/** A worker that is ready sooner than this asks for itself. */
const PATIENCE_MS = 3000;

/** No cookies, no referrer: a request carries its body and nothing about the user. */
export const QUIET: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-cache" };

/** The same for what is named by its hash: it never changes, and the browser need not ask whether it has. */
export const FOR_EVER: RequestInit = { ...QUIET, cache: "default" };

const HASH = /^[0-9a-f]{64}$/;

export const lockOf = (task: string) => `leader-${task}`;

export function roundAt(server: string, task: string): string {
  return `${baseOf(server)}/tasks/${encodeURIComponent(task)}/round`;
}

export function headAt(server: string, hash: string): string {
  return `${baseOf(server)}/heads/${hash}`;
}

export function baseOf(server: string): string {
  return `${server.replace(/\/+$/, "")}/v1`;
}

export async function loadEarly({ task, leader, wasm }: OpenOptions): Promise<Early> {
  const { held } = await navigator.locks.query();
  // Where another tab leads there is nothing to load.
  if (held?.some(({ name }) => name === `privet-${lockOf(task)}`)) return {};
  const [rank, published] = await Promise.all([
    compiled(wasm?.rank ?? rankAddress()).catch(() => undefined),
    leader && publishedAt(leader.url, task).catch(() => undefined),
  ]);
  return { rank, ...published };
}

async function compiled(source: string | URL | WebAssembly.Module): Promise<WebAssembly.Module> {
  return source instanceof WebAssembly.Module ? source : WebAssembly.compileStreaming(fetch(source));
}

async function publishedAt(server: string, task: string): Promise<Early> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const reply = await fetch(roundAt(server, task), { ...QUIET, signal });
  if (!reply.ok) return {};
  const named = reply.headers.get("privet-head") ?? "";
  const head = HASH.test(named) ? fetch(headAt(server, named), { ...FOR_EVER, signal }).then(bytesOf) : undefined;
  const [round, bytes] = await Promise.all([bytesOf(reply), head?.catch(() => undefined)]);
  return { round, head: bytes };
}

async function bytesOf(reply: Response): Promise<Uint8Array> {
  return new Uint8Array(await reply.arrayBuffer());
}
