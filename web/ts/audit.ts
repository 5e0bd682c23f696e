import { hex } from "../../worker/bytes.ts";
import type { Entry, Fields, Message, Preview, Requests, Status } from "../../worker/protocol.ts";
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
   * A message of the wire format, field by field: the bytes of a sending are an `upload` of the round that it carries as
   * `signed`, or of the open one. Without bytes, `round` is that round and `signed` the same with its signatures.
   */
  inspect(message: Message, bytes?: Uint8Array, signed?: Uint8Array): Promise<Fields> {
    return this.#client.ask("inspect", [message, bytes, signed]);
  }

  /** What a rho is as an epsilon at a delta. */
  epsilon(rho: number, delta: number): Promise<number> {
    return this.#client.ask("epsilon", [rho, delta]);
  }

  /** Every address that the device asks, and what the browser has listed of the worker that does: a page sees neither. */
  requests(): Promise<Requests> {
    return this.#client.ask("requests", []);
  }

  /**
   * Statement, status, ledger, log and the open round as one text (JSON, bytes in hexadecimal), to be kept or handed on:
   * `privet/audit` reads it. Noised vectors are left out: whoever gets one gets what only both aggregators together could
   * put together.
   */
  async export(): Promise<string> {
    const status: Status = await this.#client.ask("status", []);
    const statement = status.round ? await this.statement() : "";
    const configuration = status.round ? (await this.inspect("signed"))["body"] : "";
    const log = (await this.log()).map(({ noised: _, ...sent }) => sent);
    const parts = { statement, status, ledger: await this.ledger(), log, configuration };
    return JSON.stringify(parts, (_, part: unknown) => (part instanceof Uint8Array ? hex(part) : part), 2);
  }
}
