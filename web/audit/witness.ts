// A Service Worker that reports each request with its method, headers and a hash of its body to the page, which sees none of
// these by itself. It answers no request, changes none and stores nothing. A site without one of its own can register it.

import { sha256 } from "./format.ts";

/** A request as it left. */
export interface Report {
  number: string;
  time: number;
  url: string;
  method: string;
  headers: Record<string, string>;
  /** How many bytes it carried, and their SHA-256. */
  sent: number;
  sha256?: string;
}

/** A page's message: it asks for the reports from before it listened. */
export interface Tell {
  privet: "tell";
}

interface Client {
  id: string;
  type: string;
  postMessage(message: unknown): void;
}

interface FetchEvent extends Event {
  request: globalThis.Request;
  clientId: string;
  resultingClientId: string;
  waitUntil(work: Promise<unknown>): void;
}

interface Scope {
  clients: { claim(): Promise<void>; get(id: string): Promise<Client | undefined>; matchAll(): Promise<Client[]> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "fetch", take: (event: FetchEvent) => void): void;
  addEventListener(
    kind: "message",
    take: (event: { data?: Partial<Tell>; source: Client | null; waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    kind: "install" | "activate",
    take: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
}

/** How many reports are kept for a page that begins to listen. */
const MOST = 500;

const scope = globalThis as unknown as Scope;
const session = crypto.randomUUID();
const kept: { report: Report; client: string; page: boolean }[] = [];
let seen = 0;

scope.addEventListener("install", (event) => event.waitUntil(scope.skipWaiting()));
scope.addEventListener("activate", (event) => event.waitUntil(scope.clients.claim()));
scope.addEventListener("fetch", (event) => {
  // Cloned at once, before the browser sends the body.
  const { request } = event;
  const copy = request.method === "GET" || request.method === "HEAD" ? undefined : request.clone();
  event.waitUntil(report(event, Date.now(), copy));
});
scope.addEventListener("message", (event) => {
  const { data, source } = event;
  if (data?.privet === "tell" && source) event.waitUntil(tell(source));
});

/** A page is told of its own requests, and of those of workers that live. */
async function tell(listener: Client): Promise<void> {
  const living = await Promise.all(
    kept.map(async ({ client, page }) =>
      page ? client === listener.id : (await scope.clients.get(client)) !== undefined,
    ),
  );
  listener.postMessage({ privet: kept.filter((_, place) => living[place]).map(({ report }) => report) });
}

async function report(event: FetchEvent, time: number, copy: globalThis.Request | undefined): Promise<void> {
  const { request, clientId, resultingClientId } = event;
  const body = copy ? new Uint8Array(await copy.arrayBuffer()) : new Uint8Array();
  const arrives = request.mode === "navigate";
  const client = arrives ? resultingClientId : clientId;
  // A dedicated worker's requests are reported to every page: nothing says which page started it.
  const page = arrives || (await scope.clients.get(client))?.type !== "worker";
  const report: Report = {
    ...{ number: `${session}/${++seen}`, time, url: request.url.split("#", 1)[0] ?? "", method: request.method },
    headers: Object.fromEntries(request.headers),
    sent: body.length,
    ...(body.length > 0 && { sha256: await sha256(body) }),
  };
  kept.push({ report, client, page });
  kept.splice(0, kept.length - MOST);
  for (const listener of await scope.clients.matchAll()) {
    if (!page || listener.id === client) listener.postMessage({ privet: [report] });
  }
}
