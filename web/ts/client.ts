// The page's end of the worker: it sends calls, and hands back answers and errors.

import { answering, type AskOptions, buffersOf, Caller, type Reply } from "../../worker/calls.ts";
import { prefetch } from "../../worker/prefetch.ts";
import type { Call, Calls, OpenOptions, Prefetched, Wire } from "../../worker/protocol.ts";
import type { Store } from "../../worker/store.ts";
import { errorFrom, PrivetError } from "./error.ts";
import type { Options } from "./types.ts";

/** Calls whose typed arrays were made for that call alone: they are transferred to the worker, not copied. */
const MADE: readonly string[] = ["rerank", "record"];

type Post = (message: Wire, transfer: Transferable[]) => void;

/** The client of a device, which is in a worker or in this thread. */
export class Client {
  readonly #caller: Caller;
  readonly #tokens: Options["tokens"];
  readonly #over = new AbortController();
  readonly #lost: () => void;
  #worker: Worker | undefined;
  #post: Post = () => undefined;
  /** Until its first message a worker is still loading. */
  #isLoading = true;

  private constructor(tokens: Options["tokens"], lost: () => void) {
    this.#tokens = tokens;
    this.#lost = lost;
    this.#caller = new Caller(
      (down, transfer) => this.#post({ down }, transfer),
      ({ code, message }) => errorFrom(code, message),
      () => this.#fail("the worker does not answer: it was ended, or hangs"),
    );
  }

  /** Starts a device in a worker, or in this thread where `worker` is given. `lost` is called if it ends by itself. */
  static async start(
    { worker: serve, tokens }: Options,
    options: OpenOptions,
    // A store of the application's own is an object of its thread.
    own: Store | undefined,
    lost: () => void,
  ): Promise<Client> {
    const client = new Client(tokens, lost);
    if (serve) {
      client.#serveBy((take) => serve(take, own), options);
    } else {
      client.#begin(options);
      client.#restWithThePage(options);
    }
    return client;
  }

  open(): ReturnType<Calls["open"]> {
    return this.ask("open", []);
  }

  /** Sends a call. Arguments given as a function are made anew if the call is sent again, after a worker was restarted. */
  ask<Name extends Call>(
    name: Name,
    args: Parameters<Calls[Name]> | (() => Parameters<Calls[Name]>),
    options: AskOptions = {},
  ): ReturnType<Calls[Name]> {
    const transfer = (args: unknown[]) =>
      MADE.includes(name) ? args.flatMap((part) => buffersOf(Object(part).items ?? part)) : [];
    const make = typeof args === "function" ? args : () => args;
    return this.#caller.ask(name, make, { ...options, transfer }) as ReturnType<Calls[Name]>;
  }

  /** Closes the device; every call under way and every later one is refused with this error. */
  async end(error: PrivetError): Promise<void> {
    await this.ask("close" as Call, [] as never).catch(() => undefined);
    this.#stop(error);
  }

  #stop(error: PrivetError): void {
    this.#caller.end(error);
    this.#over.abort();
    this.#worker?.terminate();
  }

  #fail(message: string): void {
    this.#stop(new PrivetError("worker-failed", message));
    this.#lost();
  }

  #begin(options: OpenOptions): void {
    const device = (this.#worker = started());
    this.#isLoading = true;
    this.#caller.rest(true);
    device.addEventListener("error", () => this.#fail("the worker did not start"));
    this.#serveBy((take) => {
      device.addEventListener("message", ({ data }: MessageEvent<Wire>) => take(data));
      return (message, transfer = []) => device.postMessage(message, transfer);
    }, options);
    const send = (prefetched: Prefetched) => device.postMessage({ prefetched });
    prefetch(options).then(send, () => send({}));
  }

  /** Connects to a device, and answers what it asks the page for: signatures of tokens. */
  #serveBy(
    serve: (take: (message: Wire) => void) => (message: Wire, transfer?: Transferable[]) => void,
    options: OpenOptions,
  ) {
    const askedForTokens = answering(
      "device",
      async (_, [blinded]) => this.#tokens && signed(this.#tokens, blinded as Uint8Array),
      (pageSays: Reply) => post({ pageSays }),
    );
    const post = serve((message) => {
      if (this.#isLoading) this.#caller.rest((this.#isLoading = false));
      if ("up" in message) this.#caller.settle(message.up);
      else if ("askPage" in message) void askedForTokens(message.askPage);
    });
    this.#post = post;
    post({ open: options });
  }

  /**
   * The back/forward cache: a page that is kept there, or frozen, would hold the lock by which its worker leads, and nobody
   * would answer the other tabs. So its worker is ended, and started again when the page comes back. What it acknowledged is
   * stored; calls that it did not answer are sent again.
   */
  #restWithThePage(options: OpenOptions): void {
    if (!globalThis.document) return;
    let resting = false;
    const on = (target: EventTarget, kind: string, take: (event: Event) => void) =>
      target.addEventListener(kind, take, { signal: this.#over.signal });
    const rest = () => {
      resting = true;
      this.#caller.rest(true);
      this.#worker?.terminate();
      this.#post = () => undefined;
    };
    const wake = () => {
      if (!resting) return;
      resting = false;
      this.#begin(options);
      this.#caller.resend();
    };
    on(globalThis as unknown as EventTarget, "pagehide", (event) => (event as PageTransitionEvent).persisted && rest());
    on(globalThis as unknown as EventTarget, "pageshow", wake);
    on(document, "freeze", rest);
    on(document, "resume", wake);
  }
}

/** Starts the worker. A script of another origin (a CDN) cannot be one, so a script of this origin imports it. */
function started(): Worker {
  try {
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "privet" });
  } catch {
    // Put together at run time, so that no bundler follows this address, too.
    const script = `import ${JSON.stringify(import.meta.url.replace(/[^/]*$/, "worker.js"))};`;
    const blob = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
    return new Worker(blob, { type: "module", name: "privet" });
  }
}

/** Has blinded messages signed by the application's backend: as many signatures as messages, or fewer. */
async function signed(by: NonNullable<Options["tokens"]>, blinded: Uint8Array): Promise<Uint8Array> {
  if (typeof by === "function") return by(blinded);
  const headers = { "content-type": "application/octet-stream" };
  const reply = await fetch(by, { method: "POST", headers, body: blinded as BodyInit });
  if (!reply.ok) throw new PrivetError("token-missing", `tokens are not given there (status ${reply.status})`);
  return new Uint8Array(await reply.arrayBuffer());
}
