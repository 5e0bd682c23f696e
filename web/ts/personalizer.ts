import type { Fields, Message, Preview, Receipt, Status } from "../../worker/protocol.ts";
import { Client } from "./client.ts";
import { PrivetError } from "./error.ts";
import type { Candidate, Interaction, Key, Options, Slate } from "./types.ts";

/** A profile, a head and a ledger, in a worker of this page. Opened by {@link createPersonalizer}. */
export class Personalizer {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** @internal */
  static async open({ task, aggregators, policy = {}, backend = "auto" }: Options): Promise<Personalizer> {
    const client = new Client();
    const url = new URL(aggregators.leader.url, document.baseURI).href;
    try {
      const { leader, helper } = aggregators;
      const keys = { leader: keyBytes(leader.key), ...(helper && { helper: keyBytes(helper.key) }) };
      await client.ask("open", { url, task, keys, policy, gpu: backend === "auto" });
    } catch (error) {
      client.end(new PrivetError("closed", "this personalizer was not opened"));
      throw error;
    }
    return new Personalizer(client);
  }

  /** Remembers what the user did. Nothing is sent. */
  async record({ kind, item }: Interaction): Promise<void> {
    await this.#client.ask("record", kind, Float32Array.from(item.embedding));
  }

  /** The candidates in this user's order. Without evidence that is the server's. Nothing is sent. */
  async rerank<C extends Candidate>(candidates: readonly C[]): Promise<Slate<C>> {
    const scores = Float32Array.from(candidates, (candidate) => candidate.score);
    const embeddings = Float32Array.from(candidates.flatMap((candidate) => Array.from(candidate.embedding)));
    const order = await this.#client.ask("rank", scores, embeddings);
    const items = Array.from(order, (place) => candidates[place] as C);
    const shown = async () => {
      await Promise.all(items.map((item) => this.record({ kind: "impression", item })));
    };
    return { items, shown };
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

function keyBytes(key: Key): Uint8Array {
  if (typeof key !== "string") return key;
  return Uint8Array.from(key.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
