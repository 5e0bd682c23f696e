// The HTTP client of the aggregation server: all that ever leaves goes through this file.

import { hashOf } from "./bytes.ts";
import { baseOf, QUIET, roundAt } from "./prefetch.ts";
import type { Asked } from "./protocol.ts";
import { codeOf, gaveUp, refusal } from "./refusal.ts";

/** What the server answers an upload with. */
export interface Progress {
  count: number;
  minCohort: number;
}

/** A problem document, as far as it is used here. */
interface Problem {
  code: string;
  title: string;
  advice: "retry" | "refetch" | "stop";
}

/** Timeout of a request. */
const PATIENCE_MS = 30_000;

/** How an upload is sent, a token apart. */
export const UPLOAD = { method: "PUT", headers: { "content-type": "application/cbor" } };

export class Server {
  readonly #url: string;
  readonly #base: string;
  /** What each address was requested for. */
  readonly asked = new Map<string, Asked>();

  constructor(url: string) {
    this.#url = url;
    this.#base = baseOf(url);
  }

  /** The open round's configuration, as bytes that the core reads. */
  async round(task: string): Promise<Uint8Array> {
    return bytesAt(roundAt(this.#url, task));
  }

  /** The head with this hash, which a verified round names: one of those known, or fetched. */
  async head(hash: string, known: readonly unknown[]): Promise<Uint8Array> {
    for (const coming of known) {
      const head = await coming;
      if (head instanceof Uint8Array && (await hashOf(head)) === hash) return head;
    }
    const url = `${this.#base}/heads/${hash}`;
    this.asked.set(url, "head");
    // Named by its hash it never changes: a cached one is as good.
    return bytesAt(url, { cache: "default" });
  }

  /** Where an upload goes. */
  place(task: string, round: number, id: string): string {
    return `${this.#base}/tasks/${encodeURIComponent(task)}/rounds/${round}/uploads/${id}`;
  }

  /** Idempotent: the same bytes under the same id are counted once. */
  async upload(url: string, body: Uint8Array, token: string | undefined, signal: AbortSignal): Promise<Progress> {
    this.asked.set(url, "upload");
    const headers = { ...UPLOAD.headers, ...(token && { "privet-token": token }) };
    const reply = await ask(url, { ...UPLOAD, body: body as BodyInit, headers }, signal);
    const { count, min_cohort: minCohort } = Object(await reply.json().catch(() => undefined)) as Record<
      string,
      unknown
    >;
    // Without both numbers it is no acknowledgement: a captive portal answers everything with a page of its own.
    if (typeof count !== "number" || typeof minCohort !== "number") throw strange(reply.status);
    return { count, minCohort };
  }
}

async function ask(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  const signals = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  let reply: Response;
  try {
    reply = await fetch(url, { ...QUIET, ...init, signal: AbortSignal.any(signals) });
  } catch {
    if (!signal?.aborted) throw refusal("server-unreachable", "the aggregation server did not answer");
    const { code, message } = gaveUp(signal.reason);
    throw refusal(code, message);
  }
  if (reply.ok) return reply;
  throw await problemOf(reply);
}

async function problemOf(reply: Response): Promise<Error> {
  const { status } = reply;
  try {
    const { code, title, advice } = (await reply.json()) as Problem;
    if (reply.headers.get("content-type") === "application/problem+json") {
      return Object.assign(refusal(code, title), { advice, status });
    }
  } catch {
    // Not even JSON.
  }
  return strange(status);
}

/** A proxy or portal answered in the server's place. */
function strange(status: number): Error {
  const said = `the aggregation server did not answer (status ${status})`;
  return Object.assign(refusal("server-unreachable", said), { status });
}

/** What the server said about a refusal: no advice if it did not say it itself, no status if nobody answered. */
export function answerOf(error: unknown): { code: string; advice?: string; status?: number } {
  const { advice, status } = Object(error) as { advice?: string; status?: number };
  return { code: codeOf(error) ?? "worker-failed", ...(advice && { advice }), ...(status && { status }) };
}

/** What is at an address. */
export async function bytesAt(url: string, init: RequestInit = {}): Promise<Uint8Array> {
  return new Uint8Array(await (await ask(url, init)).arrayBuffer());
}
