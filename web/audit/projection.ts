// A projection: what a year of contributions at the present pace would cost.

import { bothOf, type Reading } from "./reading.ts";

export const YEAR_MS = 365.25 * 86_400_000;

/** A pace: how many contributions began how far apart. */
export interface Pace {
  contributions: number;
  everyMs: number;
}

export interface Projection {
  pace: Pace;
  /** How many more a year brings: the budget ends them where it is gone earlier. */
  more: number;
  /** When the budget is gone, in milliseconds from the last contribution; nothing where it lasts for a year. */
  goneAfterMs: number | undefined;
  /** What will have been spent then, under each reading. */
  nothing: number;
  anyOther: number;
  alone: number;
}

/** The mean distance between the first sendings of different uploads; nothing before there are two. */
export function paceOf(sendings: readonly { id: string; time: number }[]): Pace | undefined {
  const first = new Map<string, number>();
  for (const { id, time } of sendings) if (!first.has(id)) first.set(id, time);
  const times = [...first.values()];
  const contributions = times.length;
  if (contributions < 2) return undefined;
  const everyMs = (Math.max(...times) - Math.min(...times)) / (contributions - 1);
  return everyMs > 0 ? { contributions, everyMs } : undefined;
}

/** How many more contributions the budget covers, at the price of the last one. */
export function coveredBy(left: number, price: number): number {
  // Both are whole nano-rho; their quotient in floating point may lie a hair under a whole number.
  return price > 0 ? Math.floor(Math.round(left * 1e9) / Math.round(price * 1e9)) : 0;
}

export function projectionOf({ left, ledger, account }: Reading): Projection | undefined {
  const pace = paceOf(left.map(({ sending }) => sending));
  const last = ledger.at(-1)?.entry;
  if (!pace || !last || !account) return undefined;
  const { spent, remaining } = account;
  const [covered, price] = [coveredBy(remaining, last.rho), bothOf(last.rho, last.adjacency)];
  const wanted = Math.floor(YEAR_MS / pace.everyMs);
  const more = Math.min(covered, wanted);
  return {
    pace,
    more,
    goneAfterMs: covered < wanted ? covered * pace.everyMs : undefined,
    nothing: spent.nothing.rho + more * price.nothing,
    anyOther: spent.anyOther.rho + more * price.anyOther,
    alone: spent.alone.rho + more * last.rhoAlone,
  };
}
