// Every request of the page, merged from the browser's lists, and what each was for. What explains a request is its exact
// address, named beforehand by markup, site or device; one without an explanation stands out.

import type { Asked, Requests, Seen } from "privet";
import type { Report, Tell } from "./witness.ts";

/** Whose list a request stands in. */
export type Lister = "page" | "worker" | "service worker";

/** A request, from all lists that have it. */
export interface Request extends Pick<Seen, "url" | "time"> {
  seenBy: Lister[];
  /** What only the browser lists. */
  status?: number;
  received?: number;
  /** What only the Service Worker sees. */
  method?: string;
  headers?: Record<string, string>;
  /** How many bytes it carried, and their SHA-256. */
  sent?: number;
  sha256?: string;
}

/** What explains requests. */
export interface Grounds {
  /** The page's own address. */
  page: string;
  /** Addresses that the page's markup names. */
  markup: readonly string[];
  /** Addresses that the site vouches for, and what each is. */
  files: Readonly<Record<string, string>>;
  /** Addresses that the device asks. */
  asks: Requests["asks"];
  /** The SHA-256 of everything in the log, by its address. */
  uploads: ReadonlyMap<string, ReadonlySet<string>>;
  /** Uploads that are not this device's, which the site vouches for: by their address, the SHA-256 and what each is. */
  others?: Others;
}

/** Uploads of other devices that a page sends: by their address, their SHA-256 and what each is. */
export type Others = Readonly<Record<string, { sha256: string; what: string }>>;

export interface Explained extends Request {
  /** What it was for; nothing where nothing explains it. */
  what: string | undefined;
}

const ASKED: Record<Asked, string> = {
  module: "a module of the package",
  round: "the open round; the same question for everybody",
  head: "the head that the round names; the same question for everybody",
  upload: "an upload",
};
/** A list of its own begins a little later than the others'. */
const SAME_MS = 2000;

/** What a request was for. */
export function explain(
  request: Request,
  { page, markup, files, asks, uploads, others = {} }: Grounds,
): string | undefined {
  const { url, method, sent, sha256 } = request;
  const other = Object.hasOwn(others, url) ? others[url] : undefined;
  if (other) return sha256 === undefined || sha256 === other.sha256 ? other.what : undefined;
  const uploaded = uploads.get(url);
  if (uploaded) {
    if (sha256 !== undefined && !uploaded.has(sha256)) return undefined;
    return sha256 === undefined ? "an upload in the log" : "an upload in the log, byte for byte";
  }
  // Nothing else carries anything, nor uses another method.
  if (sent || (method !== undefined && method !== "GET")) return undefined;
  const asked = Object.hasOwn(asks, url) ? asks[url] : undefined;
  if (asked && asked !== "upload") return ASKED[asked];
  if (Object.hasOwn(files, url)) return files[url];
  if (url === page) return "this page";
  return markup.includes(url) ? "a file of this page" : undefined;
}

/** One list of all: what stands in several is one request. */
export function merged(lists: Readonly<Record<Lister, readonly Omit<Request, "seenBy">[]>>): Request[] {
  const all: Request[] = [];
  for (const lister of ["page", "worker", "service worker"] as const) {
    for (const found of lists[lister]) {
      const near = (other: Request) => Math.abs(other.time - found.time);
      const same = all
        .filter((other) => other.url === found.url && !other.seenBy.includes(lister) && near(other) < SAME_MS)
        .sort((a, b) => near(a) - near(b))[0];
      if (!same) all.push({ ...found, seenBy: [lister] });
      else {
        Object.assign(same, found, { time: same.time });
        same.seenBy.push(lister);
      }
    }
  }
  return all.sort((a, b) => a.time - b.time);
}

/** Listens to the browser's lists, from before it began until it is stopped. */
export class Network {
  #page: Seen[] = [];
  #witnessed: Report[] = [];
  readonly #changed: () => void;
  readonly #observer: PerformanceObserver;
  readonly #container: ServiceWorkerContainer | undefined = globalThis.navigator?.serviceWorker;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#observer = new PerformanceObserver((list) => this.#list(list.getEntries() as PerformanceResourceTiming[]));
    for (const type of ["navigation", "resource"]) this.#observer.observe({ type, buffered: true });
    this.#container?.addEventListener("message", this.#hear);
    this.#container?.addEventListener("controllerchange", this.#ask);
    this.#container?.startMessages();
    this.#ask();
  }

  /** Whether a Service Worker reports. */
  get witnessed(): boolean {
    return this.#witnessed.length > 0;
  }

  /** With what the device's own worker has listed. */
  requests(worker: readonly Seen[]): Request[] {
    // Where the device lives in the page's own thread, its list is the page's.
    const own = worker.filter(({ url, time }) => !this.#page.some((seen) => seen.url === url && seen.time === time));
    return merged({ page: this.#page, worker: own.filter(isNetwork), "service worker": this.#witnessed });
  }

  stop(): void {
    this.#observer.disconnect();
    this.#container?.removeEventListener("message", this.#hear);
    this.#container?.removeEventListener("controllerchange", this.#ask);
    this.#page = [];
    this.#witnessed = [];
  }

  #list(entries: PerformanceResourceTiming[]): void {
    const seen = entries.map(({ name, startTime, responseStatus, transferSize }) => ({
      ...{ url: plain(name), time: performance.timeOrigin + startTime },
      ...{ status: responseStatus ?? 0, received: transferSize },
    }));
    for (const entry of seen.filter(isNetwork)) {
      // A page's own navigation is told again when it is done.
      const known = this.#page.some(({ url, time }) => url === entry.url && time === entry.time);
      if (!known) this.#page.push(entry);
    }
    this.#changed();
  }

  /** The witness tells what it saw before, and then as it sees. */
  readonly #ask = (): void => this.#container?.controller?.postMessage({ privet: "tell" } satisfies Tell);

  readonly #hear = ({ data }: MessageEvent<{ privet?: Report[] }>): void => {
    const fresh = data?.privet?.filter(({ number }) => !this.#witnessed.some((known) => known.number === number));
    if (!fresh?.length) return;
    this.#witnessed.push(...fresh);
    this.#changed();
  };
}

/** What the document itself names. */
export function markupOf(document: Document): string[] {
  const named = document.querySelectorAll("script[src], link[href], img[src], source[src], iframe[src]");
  return Array.from(named, (element) => {
    const { src, href } = element as HTMLElement & { src?: string; href?: string };
    return plain(src || href || "");
  }).filter((url) => url !== "");
}

/** An address without what never leaves the browser. */
export const plain = (url: string): string => url.split("#", 1)[0] ?? url;

const isNetwork = ({ url }: Seen): boolean => /^(https?|wss?):/.test(url);
