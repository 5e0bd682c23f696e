// What a worker wants first, loaded by its page while the worker starts: the module that ranks, and the open round.

import { compiled, hashesOf } from "./integrity.ts";
import { rankAddress } from "./module_urls.ts";
import type { OpenOptions, Prefetched } from "./protocol.ts";

/** A worker that is ready sooner than this asks for itself. */
const PATIENCE_MS = 3000;

/**
 * No cookies, no referrer: a request carries its body and nothing about the user. Nor what a cache has kept of an earlier
 * answer, which a server could have made out for one device alone.
 */
export const QUIET: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-store" };

export const lockOf = (task: string) => `leader-${task}`;

export function roundAt(server: string, task: string): string {
  return `${baseOf(server)}/tasks/${encodeURIComponent(task)}/round`;
}

export function baseOf(server: string): string {
  return `${server.replace(/\/+$/, "")}/v1`;
}

export async function prefetch({ task, leader, wasm, integrity }: OpenOptions): Promise<Prefetched> {
  const { held } = await navigator.locks.query();
  // Where another tab leads there is nothing to load.
  if (held?.some(({ name }) => name === `privet-${lockOf(task)}`)) return {};
  const [rank, round] = await Promise.all([
    compiled(wasm?.rank ?? rankAddress(), hashesOf("rank", integrity)).catch(() => undefined),
    leader && bytesAt(roundAt(leader.url, task)).catch(() => undefined),
  ]);
  return { rank, round };
}

async function bytesAt(url: string): Promise<Uint8Array | undefined> {
  const reply = await fetch(url, { ...QUIET, signal: AbortSignal.timeout(PATIENCE_MS) });
  return reply.ok ? new Uint8Array(await reply.arrayBuffer()) : undefined;
}
