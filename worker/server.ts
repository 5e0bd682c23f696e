// The aggregation server over HTTP. What this file sends is all that ever leaves.

import { refusal } from "./refusal.ts";

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

export class Server {
  readonly #tasks: string;
  readonly #heads: string;

  constructor(url: string, task: string) {
    const base = url.replace(/\/+$/, "");
    this.#tasks = `${base}/v1/tasks/${encodeURIComponent(task)}`;
    this.#heads = `${base}/v1/heads`;
  }

  /** The open round's configuration, as bytes that the core reads. */
  async round(): Promise<Uint8Array> {
    return bytesOf(await ask(`${this.#tasks}/round`));
  }

  async head(hash: string): Promise<Uint8Array> {
    return bytesOf(await ask(`${this.#heads}/${hash}`));
  }

  /** Safe to repeat: the same bytes under the same id are counted once. */
  async upload(round: number, id: string, bytes: Uint8Array<ArrayBuffer>): Promise<Progress> {
    const headers = { "content-type": "application/cbor" };
    const reply = await ask(`${this.#tasks}/rounds/${round}/uploads/${id}`, { method: "PUT", body: bytes, headers });
    const { count, min_cohort } = (await reply.json()) as { count: number; min_cohort: number };
    return { count, minCohort: min_cohort };
  }
}

/** No cookies, no referrer: a request carries its body and nothing about the user. */
async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const quiet: RequestInit = { credentials: "omit", referrerPolicy: "no-referrer", cache: "no-cache", ...init };
  let reply: Response;
  try {
    reply = await fetch(url, quiet);
  } catch {
    throw refusal("server-unreachable", "the aggregation server did not answer");
  }
  if (reply.ok) return reply;
  throw await problemOf(reply);
}

async function problemOf(reply: Response): Promise<Error> {
  if (reply.headers.get("content-type") === "application/problem+json") {
    const { code, title, advice } = (await reply.json()) as Problem;
    return Object.assign(refusal(code, title), { advice });
  }
  // Something between here and the server answered in its stead.
  return refusal("server-unreachable", `the aggregation server did not answer (status ${reply.status})`);
}

/** What the server said about a refusal; no advice if it did not say it itself. */
export function adviceOf(error: unknown): { code: string; advice?: string } {
  const { code, advice } = Object(error) as { code?: unknown; advice?: unknown };
  return { code: String(code), ...(typeof advice === "string" ? { advice } : {}) };
}

async function bytesOf(reply: Response): Promise<Uint8Array> {
  return new Uint8Array(await reply.arrayBuffer());
}
