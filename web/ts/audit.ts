import type { Entry, Fields, Message, Preview, Status } from "../../worker/protocol.ts";
import type { Sending } from "../../worker/sent.ts";
import type { Client } from "./client.ts";

/** What left this device, what it cost, and what would leave next. */
export class Audit {
  readonly #client: Pick<Client, "ask">;

  /** @internal */
  constructor(client: Pick<Client, "ask">) {
    this.#client = client;
  }

  /** Every contribution that was ever debited, and what has become of it. */
  ledger(): Promise<Entry[]> {
    return this.#client.ask("ledger", []);
  }

  /** The latest requests that carried something, with every byte of it and what it was answered; the latest last. */
  log(): Promise<Sending[]> {
    return this.#client.ask("log", []);
  }

  /** What taking part means, in plain words out of the round's numbers and this device's policy. */
  statement(): Promise<string> {
    return this.#client.ask("statement", []);
  }

  /**
   * What the next contribution would release, before it is noised, and what it would cost: for the person whose data it
   * is. Nothing is debited, stored or sent, and nothing but the answer holds it.
   */
  preview(): Promise<Preview> {
    return this.#client.ask("preview", []);
  }

  /**
   * A message of the wire format, field by field: the bytes of a sending are an `upload` of the open round. Without
   * bytes, `round` is the open round and `signed` that with its signatures.
   */
  inspect(message: Message, bytes?: Uint8Array): Promise<Fields> {
    return this.#client.ask("inspect", bytes ? [message, bytes] : [message]);
  }

  /**
   * Statement, status, ledger, log and the open round as one text (JSON, bytes in hexadecimal), to be kept or handed on:
   * `privet/audit` reads it.
   */
  async export(): Promise<string> {
    const status: Status = await this.#client.ask("status", []);
    const statement = status.round ? await this.statement() : "";
    const configuration = status.round ? (await this.inspect("signed"))["body"] : "";
    const parts = { statement, status, ledger: await this.ledger(), log: await this.log(), configuration };
    return JSON.stringify(parts, (_, part: unknown) => (part instanceof Uint8Array ? hex(part) : part), 2);
  }
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
