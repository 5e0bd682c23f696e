// `privet/audit`: what an auditor reads without a device: messages field by field, and what `audit.export()` gave.

import { hex } from "../../worker/bytes.ts";
import { loadRelease } from "../../worker/release_loader.ts";
import type { Entry, Fields, Message, Source, Status } from "../../worker/protocol.ts";
import type { Sending } from "../../worker/sent.ts";

export type { Entry, Fields, Message, Source, Status } from "../../worker/protocol.ts";
export type { Sending } from "../../worker/sent.ts";

/** What `audit.export()` wrote, as it was. */
export interface Exported {
  /** What taking part means, in plain words; nothing where there was no round. */
  statement: string;
  status: Status;
  ledger: Entry[];
  log: Sending[];
  /** The configuration of the round that was open then. */
  configuration: Uint8Array;
}

/** Something in an export that does not agree with the rest of it. */
export interface Finding {
  /**
   * `spent`: the ledger's debits are not what the status says was spent. `unaccounted`: something was sent that was never
   * debited, or for another round. `bytes`: what was sent to the open round is no upload of it, or has another id.
   */
  what: "spent" | "unaccounted" | "bytes";
  /** The upload's id, where it is about one. */
  id?: string;
}

/** Takes apart a message of the wire format. An upload and an aggregate share are read as ones of `configuration`. */
export async function inspect(
  message: Message,
  bytes: Uint8Array,
  { configuration = new Uint8Array(), wasm }: { configuration?: Uint8Array; wasm?: Source } = {},
): Promise<Fields> {
  return (await loadRelease(wasm)).inspect(message, bytes, configuration);
}

/** Reads what `audit.export()` gave. */
export function readExport(text: string): Exported {
  const { log, configuration, ...rest } = JSON.parse(text);
  const sendings = log.map((sending: Sending & { bytes: string }) => ({ ...sending, bytes: bytesFrom(sending.bytes) }));
  return { ...rest, log: sendings, configuration: bytesFrom(configuration) };
}

/** What of an export does not agree with the rest of it: nothing, where it was left as it was written. */
export async function checkExport(exported: Exported, { wasm }: { wasm?: Source } = {}): Promise<Finding[]> {
  const { status, ledger, log, configuration } = exported;
  const sum = ledger.reduce((sum, { rho }) => sum + rho, 0);
  const findings: Finding[] = Math.abs(sum - status.rhoSpent) > 1e-9 ? [{ what: "spent" }] : [];
  for (const { id, task, round, bytes } of log) {
    const entry = ledger.find((entry) => entry.id === id);
    if (entry?.task !== task || entry.round !== round) findings.push({ what: "unaccounted", id });
    if (round !== status.round) continue;
    const fields = await inspect("upload", bytes, { configuration, ...(wasm && { wasm }) }).catch(() => undefined);
    if (!(fields?.["id"] instanceof Uint8Array) || hex(fields["id"]) !== id) findings.push({ what: "bytes", id });
  }
  return findings;
}

function bytesFrom(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
