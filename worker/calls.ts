// Remote calls over messages: from a page to its worker, and from a tab to the leader.

import { type Failure, failureFrom, gaveUp } from "./refusal.ts";

/** A request. */
export interface Ask {
  id: number;
  call: string;
  args: unknown[];
}

/** Cancels a request: its caller has stopped waiting. */
export interface GiveUp {
  id: number;
  reason: unknown;
}

/** Asks whether the other end is alive. */
export interface Ping {
  ping: true;
}

/** What the calling end sends. */
export type Asking = Ask | GiveUp | Ping;

/** What comes back: a result, an error, progress, or a sign of life. */
export type Reply =
  | { id: number; value: unknown }
  | { id: number; failure: Failure }
  | { id: number; progress: unknown }
  | { pong: true };

export interface AskOptions {
  /** The call's number, where the caller gives it: numbers rise. */
  id?: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: never) => void) | undefined;
  transfer?(args: unknown[]): Transferable[];
}

/** What comes with a call. */
export interface Context {
  signal: AbortSignal;
  onProgress(progress: unknown): void;
  /** Idempotency key: tab id and call number. The same key twice is one call. */
  mark: Mark;
}

export interface Mark {
  tab: string;
  call: number;
}

interface Waiting {
  ask: Omit<Ask, "args">;
  args: () => unknown[];
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onProgress: AskOptions["onProgress"];
  done(): void;
}

/** Not rejected when they are cancelled, but when the other end answers: their caller repeats them if they were not done. */
const SURE: readonly string[] = ["record"];

const TICK_MS = 1000;
/** After so many silent ticks a ping is sent; after so many the other end counts as lost. */
const PING_AFTER = 3;
const LOST_AFTER = 10;

/** The calling end. */
export class Caller {
  readonly #send: (message: Asking, transfer: Transferable[]) => void;
  readonly #errorFrom: (failure: Failure) => Error;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;
  readonly #lost: (() => void) | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** Ticks since the last message. */
  #silent = 0;

  /** `lost` is called when calls wait and the other end has been silent for too long. */
  constructor(
    send: (message: Asking, transfer: Transferable[]) => void,
    errorFrom: (failure: Failure) => Error,
    lost?: () => void,
  ) {
    this.#send = send;
    this.#errorFrom = errorFrom;
    this.#lost = lost;
  }

  /** `args` is called again for a retry: the buffers of the first time may have been transferred. */
  ask(call: string, args: () => unknown[], { id, signal, onProgress, transfer }: AskOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      if (signal?.aborted) return reject(this.#errorFrom(gaveUp(signal.reason)));
      const ask = { id: id ?? ++this.#calls, call };
      const stop = () => {
        // Only the other end knows whether it was done before it was cancelled.
        if (SURE.includes(call)) return this.#send({ id: ask.id, reason: { name: Object(signal?.reason).name } }, []);
        this.#waiting.delete(ask.id);
        // A reason can be anything: its name tells a timeout from an abort.
        this.#send({ id: ask.id, reason: { name: Object(signal?.reason).name } }, []);
        reject(this.#errorFrom(gaveUp(signal?.reason)));
      };
      const done = () => signal?.removeEventListener("abort", stop);
      signal?.addEventListener("abort", stop, { once: true });
      this.#waiting.set(ask.id, { ask, args, resolve, reject, onProgress, done });
      const given = args();
      this.#send({ ...ask, args: given }, transfer?.(given) ?? []);
      this.#listen();
    });
  }

  settle(reply: Reply): void {
    this.#silent = 0;
    if ("pong" in reply) return;
    const waiting = this.#waiting.get(reply.id);
    if (!waiting) return;
    if ("progress" in reply) return waiting.onProgress?.(reply.progress as never);
    this.#waiting.delete(reply.id);
    waiting.done();
    if ("failure" in reply) waiting.reject(this.#errorFrom(reply.failure));
    else waiting.resolve(reply.value);
  }

  /** Retries every call that has no answer, in their order. */
  resend(): void {
    this.#silent = 0;
    for (const { ask, args } of this.#waiting.values()) this.#send({ ...ask, args: args() }, []);
  }

  /** Stops counting silence, while nobody can answer, or counts again from zero. */
  rest(resting: boolean): void {
    this.#silent = resting ? Number.NEGATIVE_INFINITY : 0;
  }

  /** Rejects every pending call and every later one. */
  end(error: Error): void {
    this.#ended ??= error;
    this.refuse(error);
  }

  /** Rejects every pending call. */
  refuse(error: Error): void {
    for (const { reject, done } of this.#waiting.values()) {
      done();
      reject(error);
    }
    this.#waiting.clear();
  }

  /** Counts ticks and not time, because a machine that slept has heard nothing meanwhile. */
  #listen(): void {
    if (!this.#lost || this.#watch !== undefined) return;
    this.#silent = Math.min(this.#silent, 0);
    this.#watch = setInterval(() => {
      this.#silent += 1;
      if (this.#waiting.size === 0 || this.#silent >= LOST_AFTER) {
        clearInterval(this.#watch);
        this.#watch = undefined;
        if (this.#waiting.size > 0) this.#lost?.();
      } else if (this.#silent >= PING_AFTER) this.#send({ ping: true }, []);
    }, TICK_MS);
  }
}

type Answer = (call: string, args: unknown[], context: Context) => Promise<unknown>;

/** The answering end: a handler of messages. A call that was seen before is ignored. */
export function answering(tab: string, answer: Answer, post: (reply: Reply, transfer: Transferable[]) => void) {
  const underWay = new Map<number, AbortController>();
  let last = 0;
  return async (message: Asking): Promise<void> => {
    if ("ping" in message) return post({ pong: true }, []);
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

/** The buffers of a value's own typed arrays, to be transferred instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const parts = ArrayBuffer.isView(value) ? [value] : Object.values(Object(value) as object);
  const buffers = parts.filter((part) => ArrayBuffer.isView(part)).map(({ buffer }) => buffer as ArrayBuffer);
  return [...new Set(buffers)];
}
