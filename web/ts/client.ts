import { answering, buffersOf, type AskOptions, Caller, type Reply } from "../../worker/calls.ts";
import { loadEarly } from "../../worker/early.ts";
import type { Call, Calls, OpenOptions, Wire } from "../../worker/protocol.ts";
import type { Store } from "../../worker/store.ts";
import { errorFrom, PrivetError } from "./error.ts";
import type { Options } from "./types.ts";

/** The calls whose arrays were made for them: they go to the worker without a copy. */
const MADE: readonly string[] = ["rerank", "record"];

/** The page's end: calls go in, answers and errors come out, wherever the device is. */
export class Client {
  readonly #caller: Caller;
  readonly #end: () => void;

  private constructor(caller: Caller, end: () => void) {
    this.#caller = caller;
    this.#end = end;
  }

  /** A device in a worker, or in this thread, with what it will be opened with. */
  static async start(
    { worker = true, token }: Options,
    opened: Promise<OpenOptions>,
    // A store of the application's own is an object of its thread.
    own: Store | undefined,
  ): Promise<Client> {
    const caller = new Caller(
      (down, transfer) => post({ down }, transfer),
      ({ code, message }) => errorFrom(code, message),
    );
    const askedForToken = answering(
      "device",
      async (_, [task, round]) => token?.({ task: task as string, round: round as number }),
      (pageSays: Reply) => post({ pageSays }, []),
    );
    const take = (message: Wire) => {
      if ("up" in message) caller.settle(message.up);
      else if ("askPage" in message) void askedForToken(message.askPage);
    };
    let post: (message: Wire, transfer: Transferable[]) => void;
    if (worker === true && !own) {
      const device = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "privet" });
      device.addEventListener("message", ({ data }: MessageEvent<Wire>) => take(data));
      device.addEventListener("error", () => caller.end(new PrivetError("worker-failed", "the worker did not start")));
      post = (message, transfer) => device.postMessage(message, transfer);
      void opened
        .then(loadEarly)
        .catch(() => ({}))
        .then((early) => post({ early }, []));
      return new Client(caller, () => device.terminate());
    }
    const serve = typeof worker === "function" ? worker : (await import("./worker.js")).serve;
    post = serve(take, own);
    return new Client(caller, () => undefined);
  }

  open(options: OpenOptions): ReturnType<Calls["open"]> {
    return this.#caller.ask("open", [options]) as ReturnType<Calls["open"]>;
  }

  ask<Name extends Call>(name: Name, args: Parameters<Calls[Name]>, options: AskOptions = {}): ReturnType<Calls[Name]> {
    const transfer = MADE.includes(name) ? args.flatMap((part) => buffersOf(Object(part).items ?? part)) : [];
    return this.#caller.ask(name, args, { ...options, transfer }) as ReturnType<Calls[Name]>;
  }

  /** Says goodbye, and refuses every call under way and every later one with this error. */
  async end(error: PrivetError): Promise<void> {
    await this.#caller.ask("close", []).catch(() => undefined);
    this.#caller.end(error);
    this.#end();
  }
}
