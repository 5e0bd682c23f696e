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

/** Whether anybody is there who would answer. */
export interface Ping {
  ping: true;
}

/** What the asking end sends. */
export type Asking = Ask | GiveUp | Ping;

/** An answer on its way back, or how far it is; or that somebody is there. */
export type Reply =
  | { id: number; value: unknown }
  | { id: number; failure: Failure }
  | { id: number; progress: unknown }
  | { pong: true };

export interface AskOptions {
  /** The call's number, where it has one; they rise. */
  id?: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: never) => void) | undefined;
  transfer?(args: unknown[]): Transferable[];
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
  ask: Omit<Ask, "args">;
  args: () => unknown[];
  resolve(value: unknown): void;
  reject(error: unknown): void;
  onProgress: AskOptions["onProgress"];
  done(): void;
}

/** Calls that are to be repeated if they were given up, and must not have been done then. */
const SURE: readonly string[] = ["record"];

const TICK_MS = 1000;
/** After so many ticks without a word whoever should answer is asked whether they are there, and after so many given up. */
const PING_AFTER = 3;
const LOST_AFTER = 10;

/** The asking end. */
export class Caller {
  readonly #send: (message: Asking, transfer: Transferable[]) => void;
  readonly #errorFrom: (failure: Failure) => Error;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;
  readonly #lost: (() => void) | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  /** How many ticks ago anything was heard. */
  #silent = 0;

  /** With `lost`, that is called where calls wait and nobody is there who would answer them. */
  constructor(
    send: (message: Asking, transfer: Transferable[]) => void,
    errorFrom: (failure: Failure) => Error,
    lost?: () => void,
  ) {
    this.#send = send;
    this.#errorFrom = errorFrom;
    this.#lost = lost;
  }

  /** Arguments are made again where the call is asked again: their buffers may be gone. */
  ask(call: string, args: () => unknown[], { id, signal, onProgress, transfer }: AskOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      if (signal?.aborted) return reject(this.#errorFrom(gaveUp(signal.reason)));
      const ask = { id: id ?? ++this.#calls, call };
      const stop = () => {
        // Whether it was done before it was given up only the other end knows.
        if (SURE.includes(call)) return this.#send({ id: ask.id, reason: { name: Object(signal?.reason).name } }, []);
        this.#waiting.delete(ask.id);
        // A reason is anything; its name says whether it was the time.
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

  /** Asks again whatever has no answer, in the order of asking. */
  resend(): void {
    this.#silent = 0;
    for (const { ask, args } of this.#waiting.values()) this.#send({ ...ask, args: args() }, []);
  }

  /** Time that is no time to answer in begins, or is over. */
  rest(resting: boolean): void {
    this.#silent = resting ? Number.NEGATIVE_INFINITY : 0;
  }

  /** Every call under way and every later one is refused with this error. */
  end(error: Error): void {
    this.#ended ??= error;
    this.refuse(error);
  }

  /** Every call under way is refused. */
  refuse(error: Error): void {
    for (const { reject, done } of this.#waiting.values()) {
      done();
      reject(error);
    }
    this.#waiting.clear();
  }

  /** Ticks are counted and not the time: a machine that slept has heard nothing meanwhile. */
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

/** The answering end: what takes a message. A call that came before is not answered twice. */
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

/** The buffers of a value's own typed arrays: they cross without a copy. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  const parts = ArrayBuffer.isView(value) ? [value] : Object.values(Object(value) as object);
  const buffers = parts.filter((part) => ArrayBuffer.isView(part)).map(({ buffer }) => buffer as ArrayBuffer);
  return [...new Set(buffers)];
}
