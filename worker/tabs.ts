// Leader election: the tab that holds a Web Lock owns the device and answers the others over a BroadcastChannel. When it
// closes or crashes, the browser gives the lock to the next tab, and pending calls are retried there.

import { answering, type Asking, Caller, type Context, type Reply } from "./calls.ts";
import { idAtRandom } from "./bytes.ts";
import { lockOf } from "./prefetch.ts";
import { refusal } from "./refusal.ts";
import type { Store } from "./store.ts";

/** What the leading tab runs: it answers calls until it is closed. */
export interface Leader {
  answer(call: string, args: unknown[], context: Context): Promise<unknown>;
  close(): Promise<void>;
}

/** To one worker by its id, to the leader, or to all. A call belongs to a tab, which may have had other workers before. */
type Message =
  | { to: string; from: string; tab: string; message: Asking }
  | { to: string; reply: Reply }
  | { to: "leader" }
  | { to: "all"; leader: string };

export class Tabs {
  readonly #id = idAtRandom();
  readonly #tab: string;
  readonly #channel: BroadcastChannel | undefined;
  readonly #lead: () => Promise<Leader>;
  readonly #caller = new Caller(
    (message) => this.#send(message),
    ({ code, message }) => refusal(code, message),
    // The leader holds the lock and is silent: a tab that was frozen, or hangs.
    () => this.#caller.refuse(refusal("timed-out", "the tab that leads does not answer: close it, or go back to it")),
  );
  readonly #answering = new Map<string, (message: Asking) => Promise<void>>();
  readonly #closing = new AbortController();
  /** The leader's id, once this tab has heard it. */
  #leads: string | undefined;
  #leader: Promise<Leader> | undefined;
  #resign: () => void = () => undefined;

  constructor(name: string, tab: string, store: Store, lead: () => Promise<Leader>) {
    this.#tab = tab;
    this.#lead = lead;
    // A store without a channel is this thread's alone.
    if (store.channel !== undefined) {
      this.#channel = new BroadcastChannel(`${store.channel}-${name}`);
      this.#channel.addEventListener("message", ({ data }: MessageEvent<Message>) => this.#receive(data));
      this.#post({ to: "leader" });
    }
    const lock = store.alone(lockOf(name), () => this.#begin(), this.#closing.signal);
    lock.catch((error: unknown) => this.#caller.end(error as Error));
  }

  /** Asks the leader. The page's number goes along: it stays the same when another worker retries the call. */
  ask(call: string, args: unknown[], { signal, onProgress, mark }: Context): Promise<unknown> {
    return this.#caller.ask(call, () => args, { id: mark.call, signal, onProgress });
  }

  /** Resigns, and rejects what is pending. */
  async close(): Promise<void> {
    this.#caller.end(refusal("closed", "this personalizer is closed"));
    this.#channel?.close();
    this.#closing.abort();
    await (await this.#leader?.catch(() => undefined))?.close();
    this.#resign();
  }

  /** This tab leads until it resigns or is closed. */
  async #begin(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#follow(this.#id);
    this.#post({ to: "all", leader: this.#id });
    await new Promise<void>((resolve) => (this.#resign = resolve));
  }

  /** A call is taken only by the tab that it names: what was on its way to the former leader is retried. */
  #follow(leader: string): void {
    if (this.#leads === leader) return;
    this.#leads = leader;
    this.#caller.resend();
  }

  #send(message: Asking): void {
    if (this.#leads === this.#id) this.#answer(this.#id, this.#tab, message);
    else if (this.#leads) this.#post({ to: this.#leads, from: this.#id, tab: this.#tab, message });
  }

  #receive(message: Message): void {
    if ("leader" in message) this.#follow(message.leader);
    else if ("message" in message) {
      if (message.to === this.#id && this.#leads === this.#id) this.#answer(message.from, message.tab, message.message);
    } else if ("reply" in message) {
      if (message.to === this.#id) this.#caller.settle(message.reply);
    } else if (this.#leads === this.#id) this.#post({ to: "all", leader: this.#id });
  }

  #post(message: Message): void {
    if (!this.#closing.signal.aborted) this.#channel?.postMessage(message);
  }

  #answer(from: string, tab: string, message: Asking): void {
    let answer = this.#answering.get(from);
    if (!answer) {
      const own = from === this.#id;
      const post = (reply: Reply) => {
        if (own) this.#caller.settle(reply);
        else this.#post({ to: from, reply });
      };
      answer = answering(tab, async (call, args, context) => (await this.#opened()).answer(call, args, context), post);
      this.#answering.set(from, answer);
    }
    void answer(message);
  }

  /** Opened by the first call; if that fails, by the next one. */
  #opened(): Promise<Leader> {
    this.#leader ??= this.#lead().catch((error) => {
      this.#leader = undefined;
      throw error;
    });
    return this.#leader;
  }
}
