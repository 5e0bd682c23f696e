// When a device takes part: by the clock or by a call, and never because of what its user did.

import type { Context } from "./calls.ts";
import type { Contributions } from "./contribution.ts";
import { anchored } from "./keeping.ts";
import { HOUR_MS, OPENING_MS, untilDrawn } from "./moment.ts";
import type { OpenOptions, Receipt } from "./protocol.ts";
import { codeOf } from "./refusal.ts";
import { slotAt, slotsOf, untilNext } from "./schedule.ts";
import { answerOf } from "./server.ts";
import type { Settings } from "./settings.ts";
import { lasting, type Store } from "./store.ts";

/** What taking part needs of the host. */
export interface Member {
  readonly options: OpenOptions;
  readonly store: Store;
  readonly settings: Settings;
  /** Stores the user's choices. */
  choose(settings: Settings): Promise<void>;
  /** Refuses where the user does not, or no longer, agree. */
  allow(): void;
  /** Looks which round is open, and takes it; whether it is another one. */
  refresh(): Promise<boolean>;
  /** The half that contributes. */
  contributing(): Promise<Contributions>;
}

export class Participation {
  readonly #member: Member;
  /** When the ledger has heard of this session. */
  #begun: Promise<void> | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;
  #sending: ReturnType<typeof setTimeout> | undefined;
  /** Why nothing was contributed last. */
  refused: string | undefined;

  constructor(member: Member) {
    this.#member = member;
  }

  /** Where contributing is agreed to, the ledger hears that a session begins, and what was left unsent goes out by and by. */
  session(startMs = performance.now()): Promise<void> {
    const { options, settings, store } = this.#member;
    if (!options.leader || !settings.contribute || !store.lasting) return Promise.resolve();
    const begin = async () => {
      // Loaded while there is a connection: a contribution that is due without one is made, and sent later.
      const contributions = await this.#member.contributing();
      await contributions.session();
      if (await contributions.hasUnsent()) this.#sendLater(startMs, OPENING_MS.longest, OPENING_MS.span);
    };
    this.#begun ??= begin().catch((error) => {
      this.#begun = undefined;
      this.#failed(error);
    });
    return this.#begun;
  }

  /** By the clock, and by nothing that the user does: once in a slot, it is asked whether a contribution is due. */
  look(): void {
    clearTimeout(this.#looking);
    const { options, settings } = this.#member;
    if (!options.scheduled || !options.leader || !settings.contribute) return;
    const slots = slotsOf(options.policy.intervalMs, settings.offset);
    const slot = slotAt(slots, Date.now());
    this.#looking = this.#later(() => this.look(), untilNext(slots, Date.now()));
    if (slot === settings.slot || settings.paused) return;
    this.#member
      .choose({ ...settings, slot })
      .then(() => this.#byTheClock())
      .catch((error) => this.#failed(error));
  }

  /** At the caller's moment, and as much later as hides how long it took. */
  async contribute(context: Context): Promise<Receipt> {
    const contributions = await this.#allowed();
    const startMs = performance.now();
    // Nothing is debited for a round that is not open any more.
    await this.#member.refresh();
    try {
      const receipt = await contributions.contribute(context, startMs);
      this.refused = undefined;
      return receipt;
    } catch (error) {
      if (answerOf(error).advice === "refetch") await this.#member.refresh().catch(() => false);
      throw error;
    }
  }

  close(): void {
    clearTimeout(this.#looking);
    clearTimeout(this.#sending);
  }

  /** Made now, and sent at a moment of the next hour that is drawn, or in the next session. */
  async #byTheClock(): Promise<void> {
    const contributions = await this.#allowed();
    const startMs = performance.now();
    await this.#member.refresh();
    const made = await contributions.make();
    this.refused = undefined;
    if (made) this.#sendLater(startMs, made.longestMs, Math.min(HOUR_MS, made.leftMs / 2));
  }

  /** The half that contributes, where it may. */
  async #allowed(): Promise<Contributions> {
    const { options, store } = this.#member;
    this.#member.allow();
    await anchored(lasting(store), options);
    await this.session();
    return this.#member.contributing();
  }

  #sendLater(startMs: number, longestMs: number, spanMs: number): void {
    clearTimeout(this.#sending);
    const send = async () => {
      if (this.#member.settings.paused) return;
      await (await this.#member.contributing()).resend();
    };
    this.#sending = this.#later(
      () => void send().catch((error) => this.#failed(error)),
      untilDrawn(startMs, longestMs, spanMs),
    );
  }

  /** Its clock keeps a process alive where that is wanted. */
  #later(work: () => void, ms: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(work, ms);
    if (!this.#member.options.keepAlive) (timer as { unref?(): void }).unref?.();
    return timer;
  }

  #failed(error: unknown): void {
    this.refused = codeOf(error);
  }
}
