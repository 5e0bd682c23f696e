// A snapshot of the device, for the element to show. What cannot be read is left out, and said.

import type { Entry, Fields, Personalizer, Sending, Status } from "privet";
import { sha256 } from "./format.ts";

/** A rho, and the epsilon that it is at the snapshot's delta. */
export interface Loss {
  rho: number;
  epsilon: number | undefined;
}

/** What one debit cost: where one aggregator is honest, and where both work together. */
export interface Paid {
  entry: Entry;
  trusted: Loss;
  alone: Loss;
}

/** One request that carried something, taken apart. */
export interface Left {
  sending: Sending;
  sha256: string;
  /** Its fields, and those of the round that it was made for, where both can be read. */
  fields: Fields | undefined;
  round: Fields | undefined;
  paid: Paid | undefined;
}

/** A loss where one aggregator is honest, under both readings of what it is between. */
export interface Both {
  /** This device's data and nothing. */
  nothing: Loss;
  /** This device's data and any other. */
  anyOther: Loss;
}

/** What the ledger comes to. */
export interface Account {
  /** What was charged, and what all charges of either kind are under both readings. */
  charged: number;
  spent: Both & { alone: Loss };
  lifetime: number;
  /** What is left, spent on rounds as the open one is. */
  remaining: number;
  left: Both;
}

/** What a charge of a kind is under both readings: a replacement is twice as far, and rho grows with the square. */
export function bothOf(rho: number, adjacency: Entry["adjacency"]): { nothing: number; anyOther: number } {
  return adjacency === "zeroed" ? { nothing: rho, anyOther: 4 * rho } : { nothing: rho / 4, anyOther: rho };
}

export interface Reading {
  /** When it was taken, in milliseconds since 1970. */
  time: number;
  status: Status;
  ledger: Paid[];
  /** Nothing where the ledger cannot be read. */
  account: Account | undefined;
  left: Left[];
  /** The open round's fields, and the delta that every epsilon here is given at. */
  round: Fields | undefined;
  delta: number | undefined;
  statement: string;
  /** What could not be read, as sentences. */
  missing: string[];
}

export const UNREAD =
  "The ledger on this device cannot be read, so nobody can say what was spent, and nothing more is contributed from it.";

export const isDamage = (error: unknown): boolean => (Object(error) as { code?: unknown }).code === "ledger-damaged";

export async function readingOf(personalizer: Personalizer): Promise<Reading> {
  const { audit } = personalizer;
  // Before anything is read: all that happened until now is in what follows.
  const time = Date.now();
  const [status, entries, log] = await Promise.all([personalizer.status(), entriesOf(personalizer), audit.log()]);
  const isWhole = Number.isFinite(status.rhoSpent) && entries !== undefined;
  const missing: string[] = isWhole ? [] : [UNREAD];
  /** Gives nothing where that fails, and says what is missing because of it. */
  const tried = async <T>(work: () => Promise<T>, without: string): Promise<T | undefined> => {
    try {
      return await work();
    } catch {
      if (!missing.includes(without)) missing.push(without);
      return undefined;
    }
  };
  const words = "The module that takes messages apart could not be loaded: what it reads is left out here.";
  const round = status.round ? await tried(() => audit.inspect("round"), words) : undefined;
  const statement = status.round ? await tried(() => audit.statement(), words) : undefined;
  const delta = round && Number(round["delta"]);

  const loss = async (rho: number): Promise<Loss> => ({
    rho,
    epsilon: delta && (await tried(() => audit.epsilon(rho, delta), words)),
  });
  const ledger = await Promise.all(
    (entries ?? []).map(async (entry) => ({
      entry,
      trusted: await loss(entry.rho),
      alone: await loss(entry.rhoAlone),
    })),
  );
  const sent = await Promise.all(
    log.map(async (sending): Promise<Left> => {
      const { bytes, signed, task, id } = sending;
      const own = signed && (await tried(async () => bodyOf(await audit.inspect("signed", signed)), words));
      return {
        sending,
        sha256: await sha256(bytes),
        fields: await tried(() => audit.inspect("upload", bytes, signed), unread(sending)),
        round: own && (await tried(() => audit.inspect("round", own), words)),
        paid: ledger.find(({ entry }) => entry.task === task && entry.id === id),
      };
    }),
  );
  const left = bothOf(status.rhoLeft, round?.["mode"] === "device" ? "replaced" : "zeroed");
  const alone = ledger.reduce((sum, { entry }) => sum + entry.rhoAlone, 0);
  const account = isWhole
    ? {
        charged: status.rhoSpent,
        spent: {
          nothing: await loss(status.rhoAgainstNothing),
          anyOther: await loss(status.rhoAgainstAnyOther),
          alone: await loss(alone),
        },
        lifetime: status.rhoSpent + status.rhoLeft,
        remaining: status.rhoLeft,
        left: { nothing: await loss(left.nothing), anyOther: await loss(left.anyOther) },
      }
    : undefined;
  return { time, status, ledger, account, left: sent, round, delta, statement: statement ?? "", missing };
}

/** The ledger's entries; nothing where it cannot be read. */
async function entriesOf({ audit }: Personalizer): Promise<Entry[] | undefined> {
  try {
    return await audit.ledger();
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
}

const bodyOf = ({ body }: Fields) => body as Uint8Array;

function unread({ round }: Sending): string {
  return `An upload of round ${round} could not be taken apart: the round that it was made for is not known any more.`;
}

/** A fingerprint that changes when something left, was answered or was debited; cheap to ask for. */
export async function versionOf(personalizer: Personalizer): Promise<string> {
  const [{ round, rhoSpent, storage, keeping, wantsWider, consent, refused }, ledger, { seen }] = await Promise.all([
    personalizer.status(),
    entriesOf(personalizer),
    personalizer.audit.requests(),
  ]);
  const fates = ledger?.map(({ id, fate }) => id + fate);
  return JSON.stringify([round, rhoSpent, storage, keeping, wantsWider, consent, refused, fates, seen.length]);
}
