// Calls over anything that carries messages: from a page to its worker, and from a tab to the one that leads.

import { type Failure, failureFrom, gaveUp } from "./refusal.ts";

/** A call on its way. */
export interface Ask {
  id: number;
  call: string;
  args: unknown[];
}

/** The caller does not wait any more. */
export interface GiveUp {
  id: number;
  reason: unknown;
}

/** An answer on its way back, or how far it is. */
export type Reply =
  { id: number; value: unknown } | { id: number; failure: Failure } | { id: number; progress: unknown };

export interface AskOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: never) => void) | undefined;
  transfer?: Transferable[];
}

/** What a call is answered with in mind. */
export interface Context {
  signal: AbortSignal;
  onProgress(progress: unknown): void;
  /** Which tab's how manieth call it is: the same one twice is one. */
  mark: Mark;
}

export interface Mark {
  tab: string;
  call: number;
}

interface Waiting {
  ask: Ask;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onProgress: AskOptions["onProgress"];
  done(): void;
}

/** The asking end. */
export class Caller {
  readonly #send: (message: Ask | GiveUp, transfer: Transferable[]) => void;
  readonly #errorFrom: (failure: Failure) => Error;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  constructor(send: (message: Ask | GiveUp, transfer: Transferable[]) => void, errorFrom: (failure: Failure) => Error) {
    this.#send = send;
    this.#errorFrom = errorFrom;
  }

  ask(call: string, args: unknown[], { signal, onProgress, transfer = [] }: AskOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      if (signal?.aborted) return reject(this.#errorFrom(gaveUp(signal.reason)));
      const ask = { id: ++this.#calls, call, args };
      const stop = () => {
        this.#waiting.delete(ask.id);
        // A reason is anything; its name says whether it was the time.
        this.#send({ id: ask.id, reason: { name: Object(signal?.reason).name } }, []);
        reject(this.#errorFrom(gaveUp(signal?.reason)));
      };
      const done = () => signal?.removeEventListener("abort", stop);
      signal?.addEventListener("abort", stop, { once: true });
      this.#waiting.set(ask.id, { ask, resolve, reject, onProgress, done });
      this.#send(ask, transfer);
    });
  }

  settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ("progress" in reply) return waiting.onProgress?.(reply.progress as never);
    this.#waiting.delete(reply.id);
    waiting.done();
    if ("failure" in reply) waiting.reject(this.#errorFrom(reply.failure));
    else waiting.resolve(reply.value);
  }

  /** Asks again whatever has no answer, in the order of asking. */
  resend(): void {
    for (const { ask } of this.#waiting.values()) this.#send(ask, []);
  }

  /** Every call under way and every later one is refused with this error. */
  end(error: Error): void {
    this.#ended ??= error;
    for (const { reject, done } of this.#waiting.values()) {
      done();
      reject(error);
    }
    this.#waiting.clear();
  }
}

type Answer = (call: string, args: unknown[], context: Context) => Promise<unknown>;

/** The answering end: what takes a message. A call that came before is not answered twice. */
export function answering(tab: string, answer: Answer, post: (reply: Reply, transfer: Transferable[]) => void) {
  const underWay = new Map<number, AbortController>();
  let last = 0;
  return async (message: Ask | GiveUp): Promise<void> => {
    const { id } = message;
    if (!("call" in message)) return underWay.get(id)?.abort(message.reason);
    if (id <= last) return;
    last = id;
    const controller = new AbortController();
    underWay.set(id, controller);
    const onProgress = (progress: unknown) => post({ id, progress }, []);
    try {
      const value = await answer(message.call, message.args, {
        signal: controller.signal,
        onProgress,
        mark: { tab, call: id },
      });
      post({ id, value }, buffersOf(value));
    } catch (error) {
      post({ id, failure: failureFrom(error) }, []);
    } finally {
      underWay.delete(id);
    }
  };
}

/** The buffers of a value's own typed arrays: they cross without a copy. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const parts = ArrayBuffer.isView(value) ? [value] : Object.values(Object(value) as object);
  const buffers = parts.filter((part) => ArrayBuffer.isView(part)).map(({ buffer }) => buffer as ArrayBuffer);
  return [...new Set(buffers)];
}
