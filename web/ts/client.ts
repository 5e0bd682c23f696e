import type { Call, Calls, Reply, Asked } from "../../worker/protocol.ts";
import { errorFrom, PrivetError } from "./error.ts";

interface Waiting {
  resolve(value: never): void;
  reject(error: PrivetError): void;
}

/** The page's end of the worker: calls go in, answers and errors come out. */
export class Client {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: PrivetError | undefined;

  constructor() {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "privet" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.#settle(data));
    this.#worker.addEventListener("error", () =>
      this.end(new PrivetError("worker-failed", "the worker could not be started")),
    );
  }

  ask<Name extends Call>(call: Name, ...args: Parameters<Calls[Name]>): ReturnType<Calls[Name]> {
    const answer = new Promise<never>((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const id = ++this.#calls;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, args } satisfies Asked);
    });
    return answer as ReturnType<Calls[Name]>;
  }

  /** Ends the worker; every call under way and every later one is refused with this error. */
  end(error: PrivetError): void {
    this.#ended ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("failure" in reply) waiting?.reject(errorFrom(reply.failure.code, reply.failure.message));
    else waiting?.resolve(reply.value as never);
  }
}
