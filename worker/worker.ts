// The device behind messages: in a worker of a page, in the page's own thread, or in a Service Worker.

import { answering, Caller } from "./calls.ts";
import { Host } from "./host.ts";
import { openStore } from "./indexeddb.ts";
import { admitPrefetched } from "./module.ts";
import type { OpenOptions, Prefetched, Wire } from "./protocol.ts";
import { refusal } from "./refusal.ts";
import { Server } from "./server.ts";
import { MemoryStore, type Store } from "./store.ts";
import { Tabs } from "./tabs.ts";

export { type Changes, LEDGER, MemoryStore, type Store } from "./store.ts";

/** So long what the page has prefetched counts as fresh. */
const PREFETCHED_FRESH_MS = 5000;
const NOTHING = Promise.resolve(undefined);

/** What goes to the page. */
type Post = (message: Wire, transfer: Transferable[]) => void;

/** Whoever has options may serve: what it takes is a message of the page's, what it gives goes there. */
export function serve(post: (message: Wire, transfer: Transferable[]) => void, store?: Store) {
  return serving(post, store, Promise.resolve({}));
}

function serving(post: Post, store: Store | undefined, prefetched: Promise<Prefetched>) {
  let tabs: Promise<Tabs> | undefined;
  const page = new Caller(
    (askPage) => post({ askPage }, []),
    ({ code, message }) => refusal(code, message),
  );
  const askToken = (blinded: Uint8Array) => page.ask("tokens", () => [blinded]) as Promise<Uint8Array>;
  const start = async (options: OpenOptions) => {
    const server = new Server(options.leader?.url ?? "");
    const opened = store ?? (options.memory ? new MemoryStore() : openStore());
    const before = async () => (await opened).get(`${options.task}/head`).catch(() => undefined);
    // The store is opened meanwhile, and waited for until it is known who leads.
    let admitted = prefetched.then((it) =>
      admitPrefetched(options, it, (hash) => server.head(hash, [before(), options.head])),
    );
    admitted.catch(() => undefined);
    const until = performance.now() + PREFETCHED_FRESH_MS;
    const kept = await opened;
    return new Tabs(options.task, options.tab, kept, () => {
      // Whoever leads later, or tries again, wants what is published then.
      const once = performance.now() < until ? admitted : NOTHING;
      admitted = NOTHING;
      return Host.start(options, kept, server, askToken, once);
    });
  };
  const answer = answering(
    "page",
    async (call, args, context) => {
      if (call === "close") return (await tabs)?.close();
      return (await tabs)?.ask(call, args, context);
    },
    (up, transfer) => post({ up }, transfer),
  );
  return (message: Wire): void => {
    if ("open" in message) tabs ??= start(message.open);
    else if ("down" in message) void answer(message.down);
    else if ("pageSays" in message) page.settle(message.pageSays);
  };
}

interface Scope {
  WorkerGlobalScope?: unknown;
  name?: string;
  postMessage(message: Wire, transfer: Transferable[]): void;
  addEventListener(kind: "message", take: (event: MessageEvent<Wire>) => void): void;
}

// The package starts its worker under this name; to import this file elsewhere does nothing.
const scope = globalThis as unknown as Scope;
if (scope.WorkerGlobalScope && scope.name === "privet") {
  let settle: (prefetched: Prefetched) => void;
  const prefetched = new Promise<Prefetched>((resolve) => (settle = resolve));
  const take = serving((message, transfer) => scope.postMessage(message, transfer), undefined, prefetched);
  scope.addEventListener("message", ({ data }) => ("prefetched" in data ? settle(data.prefetched) : take(data)));
  scope.postMessage({ up: { pong: true } }, []);
}
