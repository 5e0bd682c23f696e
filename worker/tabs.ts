// One tab of many leads: it holds a lock, owns the device and answers for all. The others ask it over a channel, and ask
// again whoever leads next. When a tab closes or crashes the browser gives its lock to the next one.

import { type Ask, answering, Caller, type Context, type GiveUp, type Reply } from "./calls.ts";
import { lockOf } from "./early.ts";
import { refusal } from "./refusal.ts";
import type { Store } from "./store.ts";

/** What leads: it answers calls until it is closed. */
export interface Leader {
  answer(call: string, args: unknown[], context: Context): Promise<unknown>;
  close(): Promise<void>;
}

/** To one tab, by the id that it has; to whoever leads; or to all. */
type Message =
  | { to: string; from: string; message: Ask | GiveUp }
  | { to: string; reply: Reply }
  | { to: "leader" }
  | { to: "all"; leader: string };

export class Tabs {
  readonly #id = crypto.randomUUID();
  readonly #channel: BroadcastChannel | undefined;
  readonly #lead: () => Promise<Leader>;
  readonly #caller = new Caller(
    (message) => this.#send(message),
    ({ code, message }) => refusal(code, message),
  );
  readonly #answering = new Map<string, (message: Ask | GiveUp) => Promise<void>>();
  readonly #closing = new AbortController();
  /** The tab that leads, as far as this one has heard. */
  #leads: string | undefined;
  #leader: Promise<Leader> | undefined;
  #resign: () => void = () => undefined;

  constructor(name: string, store: Store, lead: () => Promise<Leader>) {
    this.#lead = lead;
    // Without a name to be found by it is this thread's alone: whoever else has a store of that kind has another one.
    if (store.channel !== undefined) {
      this.#channel = new BroadcastChannel(`${store.channel}-${name}`);
      this.#channel.addEventListener("message", ({ data }: MessageEvent<Message>) => this.#receive(data));
      this.#post({ to: "leader" });
    }
    const lock = store.alone(lockOf(name), () => this.#begin(), this.#closing.signal);
    lock.catch((error: unknown) => this.#caller.end(error as Error));
  }

  /** Asks whoever leads. */
  ask(call: string, args: unknown[], { signal, onProgress }: Context): Promise<unknown> {
    return this.#caller.ask(call, args, { signal, onProgress });
  }

  /** This tab leads no more, and asks no more. */
  async close(): Promise<void> {
    this.#caller.end(refusal("closed", "this personalizer is closed"));
    this.#channel?.close();
    this.#closing.abort();
    await (await this.#leader?.catch(() => undefined))?.close();
    this.#resign();
  }

  /** From here on this tab leads, until it resigns or is gone. */
  async #begin(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#follow(this.#id);
    this.#post({ to: "all", leader: this.#id });
    await new Promise<void>((resolve) => (this.#resign = resolve));
  }

  /** Only the tab that it is meant for takes a call: one that was on its way to another is asked again, in its turn. */
  #follow(leader: string): void {
    if (this.#leads === leader) return;
    this.#leads = leader;
    this.#caller.resend();
  }

  #send(message: Ask | GiveUp): void {
    if (this.#leads === this.#id) this.#answer(this.#id, message);
    else if (this.#leads) this.#post({ to: this.#leads, from: this.#id, message });
  }

  #receive(message: Message): void {
    if ("leader" in message) this.#follow(message.leader);
    else if ("message" in message) {
      if (message.to === this.#id && this.#leads === this.#id) this.#answer(message.from, message.message);
    } else if ("reply" in message) {
      if (message.to === this.#id) this.#caller.settle(message.reply);
    } else if (this.#leads === this.#id) this.#post({ to: "all", leader: this.#id });
  }

  #post(message: Message): void {
    if (!this.#closing.signal.aborted) this.#channel?.postMessage(message);
  }

  #answer(from: string, message: Ask | GiveUp): void {
    let answer = this.#answering.get(from);
    if (!answer) {
      const own = from === this.#id;
      const post = (reply: Reply) => {
        if (own) this.#caller.settle(reply);
        else this.#post({ to: from, reply });
      };
      answer = answering(from, async (call, args, context) => (await this.#opened()).answer(call, args, context), post);
      this.#answering.set(from, answer);
    }
    void answer(message);
  }

  /** Opened at the first call; where that failed, at the next. */
  #opened(): Promise<Leader> {
    this.#leader ??= this.#lead().catch((error) => {
      this.#leader = undefined;
      throw error;
    });
    return this.#leader;
  }
}
