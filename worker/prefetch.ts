// Prefetch by the page while its worker starts: the ranking module and the open round.

import { compiled, hashesOf } from "./integrity.ts";
import { rankAddress } from "./module_urls.ts";
import type { OpenOptions, Prefetched } from "./protocol.ts";

/** Timeout of the prefetch: after that the worker fetches the round itself. */
const PATIENCE_MS = 3000;

/**
 * No cookies and no referrer: a request carries its body and nothing about the user. No cache either: by a cached answer a
 * server could recognise a device.
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
  // Another tab leads: it has loaded everything.
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
