import type { Fields, Forgettable, Message, Names, Preview, Ranking, Receipt, Status } from "../../worker/protocol.ts";
import { Client } from "./client.ts";
import { PrivetError } from "./error.ts";
import { itemsFrom, momentAt, requestFrom } from "./items.ts";
import type { Candidate, Interaction, Key, Options, Request, Score, Slate } from "./types.ts";

/** A profile, a head and a ledger, in a worker of this page. Opened by {@link createPersonalizer}. */
export class Personalizer {
  readonly #client: Client;
  readonly #schema: Names;

  private constructor(client: Client, schema: Names) {
    this.#client = client;
    this.#schema = schema;
  }

  /** @internal */
  static async open({ task, aggregators, policy = {}, backend = "auto" }: Options): Promise<Personalizer> {
    const client = new Client();
    const url = new URL(aggregators.leader.url, document.baseURI).href;
    try {
      const { leader, helper } = aggregators;
      const keys = { leader: keyBytes(leader.key), ...(helper && { helper: keyBytes(helper.key) }) };
      return new Personalizer(client, await client.ask("open", { url, task, keys, policy, gpu: backend === "auto" }));
    } catch (error) {
      client.end(new PrivetError("closed", "this personalizer was not opened"));
      throw error;
    }
  }

  /** Remembers what the user did. Nothing is sent. The worker then learns from it, between calls. */
  async record({ kind, item, value = 0, time = Date.now(), slate }: Interaction): Promise<void> {
    const items = itemsFrom([item], this.#schema);
    await this.#client.ask("record", { kind, items, value, slate, moment: momentAt(time) });
  }

  /**
   * The candidates in the order in which to show them: this user's, or the server's while there is no evidence or that
   * does better here. Nothing is sent.
   */
  async rerank<C extends Candidate>(candidates: readonly C[], request: Request = {}): Promise<Slate<C>> {
    const asked = requestFrom(request, candidates, this.#schema);
    const items = itemsFrom(candidates, this.#schema);
    const ranking = await this.#client.ask("rerank", items, asked, momentAt(Date.now()));
    const { id, kind, order } = ranking;
    const [pins = 0, caps = 0, freshness = 0] = ranking.unmet;
    return {
      id,
      kind,
      items: Array.from(order, (place) => candidates[place] as C),
      scores: request.explain ? scoresOf(ranking) : [],
      unmet: { pins, caps, freshness },
      shown: async () => void (await this.#client.ask("shown", id)),
    };
  }

  /**
   * Learns now, for at most so long (default 8 ms), and while it does other calls wait; whether there is more to learn.
   * Nobody has to call it: the worker learns by itself after each record.
   */
  async train({ maxMs = 8 }: { maxMs?: number } = {}): Promise<boolean> {
    return this.#client.ask("train", maxMs);
  }

  /**
   * Forgets an item, a value of an attribute, or a time, and all that was learnt from it; how many events were dropped.
   * While the rest is put together anew (the worker does so by itself, between calls) the server's order stands. What
   * was contributed before cannot be called back.
   */
  async forget(what: Forgettable): Promise<number> {
    return this.#client.ask("forget", what);
  }

  /** All that is remembered, to be kept or taken elsewhere. It holds what the user did: it is for the user alone. */
  async export(): Promise<Uint8Array> {
    return this.#client.ask("export");
  }

  /** Takes back what {@link export} gave, in place of what is remembered. Where it is refused nothing changes. */
  async import(bytes: Uint8Array): Promise<void> {
    await this.#client.ask("import", bytes);
  }

  /**
   * Debits the ledger, then sends one noised gradient over what was recorded since the last time; a noised zero where
   * that is nothing. Call it by the clock, never because of what the user did. If the server does not answer, calling
   * again sends the same bytes and debits nothing more.
   */
  async contribute(): Promise<Receipt> {
    return this.#client.ask("contribute");
  }

  /**
   * What {@link contribute} would release, before it is noised, and what it would cost: for the person whose data it is.
   * Nothing is debited, stored or sent, and nothing but the answer holds it.
   */
  async preview(): Promise<Preview> {
    return this.#client.ask("preview");
  }

  /** What taking part means, in plain words out of the round's numbers and this device's policy. */
  async statement(): Promise<string> {
    return this.#client.ask("statement");
  }

  /**
   * A message of the wire format, field by field: a receipt's bytes are an `upload` of the open round. Without bytes,
   * `round` is the open round and `signed` that with its signatures.
   */
  async inspect(message: Message, bytes?: Uint8Array): Promise<Fields> {
    return this.#client.ask("inspect", message, ...(bytes ? [bytes] : []));
  }

  /** The backend, the round and the budget. */
  async status(): Promise<Status> {
    return this.#client.ask("status");
  }

  /** Ends the worker. Every later call is refused. */
  async close(): Promise<void> {
    this.#client.end(new PrivetError("closed", "this personalizer is closed"));
  }
}

/** The parts of each score, in the order of showing. */
function scoresOf({ order, server, shared, personal, because }: Ranking): Score[] {
  const at = (parts: Float32Array, place: number) => parts[place] ?? 0;
  return Array.from(order, (place) => {
    const id = because[place];
    const parts = { server: at(server, place), shared: at(shared, place), personal: at(personal, place) };
    return id === undefined ? parts : { ...parts, because: id };
  });
}

function keyBytes(key: Key): Uint8Array {
  if (typeof key !== "string") return key;
  return Uint8Array.from(key.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
