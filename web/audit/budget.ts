// What was spent of the lifetime budget, both ways, and what a year would come to.

import { html, type TemplateResult } from "lit";
import type { Limits, Status, Widening } from "privet";
import { count, rho, span } from "./format.ts";
import { coveredBy, type Projection } from "./projection.ts";
import type { Account, Both, Loss, Reading } from "./reading.ts";
import { loss } from "./sendings.ts";
import { type Copy, none, table } from "./table.ts";

/** A projection with its epsilons. */
export interface Year extends Both {
  projection: Projection;
  alone: Loss;
}

export interface Row {
  key: "rho_against_nothing" | "rho_against_any_other" | "rho_alone";
  head: string;
  about: string;
  spent: Loss;
  left: Loss | undefined;
  year: Loss | undefined;
}

/** What was spent, what is left and what a year comes to: with one honest aggregator, two ways, and with none. */
export function rowsOf({ spent, left }: Account, year: Year | undefined): Row[] {
  return [
    {
      key: "rho_against_nothing",
      head: "Trusted, against no data",
      about: "One honest aggregator suffices, whoever everybody else is. What tells your data from none at all.",
      ...{ spent: spent.nothing, left: left.nothing, year: year?.nothing },
    },
    {
      key: "rho_against_any_other",
      head: "Trusted, against any other",
      about: "The same, for what tells your data from anybody else’s: twice as far, so four times the ρ.",
      ...{ spent: spent.anyOther, left: left.anyOther, year: year?.anyOther },
    },
    {
      key: "rho_alone",
      head: "Alone",
      about: "Both aggregators work together against you. It ends when the budget above does.",
      ...{ spent: spent.alone, left: undefined, year: year?.alone },
    },
  ];
}

export function budget(reading: Reading, account: Account, year: Year | undefined, copy: Copy): TemplateResult {
  const { delta, status } = reading;
  const { charged, lifetime } = account;
  const rows = rowsOf(account, year);
  const asValue = (part: Loss | undefined) => part && { rho: part.rho, epsilon: part.epsilon ?? null };
  return html`
    <meter
      min="0"
      .max=${lifetime}
      .value=${charged}
      aria-label="Lifetime budget"
      aria-valuetext=${`rho ${rho(charged)} of ${rho(lifetime)} is spent`}></meter>
    <p class="note">${spentIn(account)} ${paceIn(reading, account, year?.projection)}</p>
    ${keptIn(status).map((sentence) => html`<p class="note">${sentence}</p>`)}
    ${table<Row>(
      {
        name: "budget",
        caption: `The budget${delta === undefined ? "" : `, each ρ with its ε at δ = ${delta}`}`,
        columns: [
          {
            key: "case",
            head: "If",
            value: ({ key }) => key,
            show: ({ key, head, about }) => html`
              ${head}
              <code class="brief">${key}</code>
              <span class="about">${about}</span>
            `,
          },
          {
            key: "spent",
            head: "Spent",
            value: ({ spent }) => asValue(spent),
            show: ({ spent }) => loss(spent),
            number: true,
          },
          {
            ...{ key: "left", head: "Left", number: true },
            value: ({ left }) => asValue(left),
            show: ({ left }) => (left ? loss(left) : none("no limit of its own")),
          },
          {
            ...{ key: "year", head: "After a year", number: true },
            value: ({ year }) => asValue(year),
            show: ({ year }) => (year ? loss(year) : none("not known yet")),
          },
        ],
        rows,
      },
      copy,
    )}
  `;
}

function spentIn({ charged, lifetime }: Account): string {
  return `ρ ${rho(charged)} of ${rho(lifetime)} is spent, for good.`;
}

const KEPT: Record<Status["keeping"], string> = {
  persistent: "The count is kept on this device until somebody clears this site’s data.",
  tokens:
    "The browser may delete the count that is kept here. What bounds it then are tokens: this site signs so many for an " +
    "account, and cannot tell which upload one went with.",
  "evictable-allowed":
    "The browser may delete the count that is kept here, and the budget would begin anew. This site accepts that.",
  evictable:
    "The browser may delete the count that is kept here, so nothing is contributed: the site would have to be granted " +
    "persistent storage, give tokens, or accept the risk, and say so.",
  none: "There is no count that outlives this window, so nothing is contributed.",
};

/** What the count rests on, and which limits hold. */
export function keptIn({ keeping, wantsWider, widened }: Status): string[] {
  return [
    KEPT[keeping],
    ...widened.map((change) => `You agreed to wider limits: ${changes(change)}.`),
    ...(wantsWider
      ? [`This site now asks for wider limits: ${changes(wantsWider)}. Until you agree to that, the old ones hold.`]
      : []),
  ];
}

const LIMITS: Record<keyof Limits, string> = {
  lifetimeRho: "ρ in a lifetime",
  rhoPerRound: "ρ a round",
  rhoAlonePerRound: "ρ alone a round",
  rhoAlone: "ρ alone in a lifetime",
  waitMs: "the wait before the first",
  sessions: "sessions before the first",
  intervalMs: "the time between two",
};

/** Each limit that differs, from what to what. */
function changes({ from, to }: Widening): string {
  const shown = (name: keyof Limits, { [name]: limit }: Limits) => {
    if (limit === "none") return "no limit";
    return name.endsWith("Ms") ? span(limit) : rho(limit);
  };
  const names = (Object.keys(LIMITS) as (keyof Limits)[]).filter((name) => from[name] !== to[name]);
  return names.map((name) => `${LIMITS[name]} ${shown(name, from)} → ${shown(name, to)}`).join(", ");
}

/** The present pace in words, and where it leads. */
export function paceIn({ ledger }: Reading, { remaining }: Account, projection: Projection | undefined): string {
  const last = ledger.at(-1);
  if (!last) return "Nothing was contributed yet.";
  const covered = coveredBy(remaining, last.entry.rho);
  const rest = `The rest covers ${count(covered, "more contribution")} at the price of the last.`;
  if (!projection) return `${rest} What a year comes to needs two contributions.`;
  const { pace, goneAfterMs } = projection;
  const often = `So far there is one every ${span(pace.everyMs)}`;
  if (goneAfterMs === undefined) return `${rest} ${often}; that makes ${projection.more} more in a year.`;
  return `${rest} ${often}; at that pace the budget is gone in ${span(goneAfterMs)}, and then this device contributes nothing more.`;
}
