// What was spent of the lifetime budget, both ways, and what a year would come to.

import { html, type TemplateResult } from "lit";
import { count, epsilon, rho, span } from "./format.ts";
import { coveredBy, type Projection } from "./projection.ts";
import type { Account, Loss, Reading } from "./reading.ts";
import { loss } from "./sendings.ts";
import { type Copy, none, table } from "./table.ts";

/** A projection with its epsilons. */
export interface Year {
  projection: Projection;
  trusted: Loss;
  alone: Loss;
}

interface Row {
  key: string;
  head: string;
  about: string;
  spent: Loss;
  left: Loss | undefined;
  year: Loss | undefined;
}

export function budget(reading: Reading, account: Account, year: Year | undefined, copy: Copy): TemplateResult {
  const { delta } = reading;
  const { spent, lifetime, remaining } = account;
  const rows: Row[] = [
    {
      ...{
        key: "rho_trusted",
        head: "Trusted",
        about: "Enough others add their noise, and the aggregators do not collude.",
      },
      ...{ spent: spent.trusted, left: remaining, year: year?.trusted },
    },
    {
      ...{
        key: "rho_alone",
        head: "Alone",
        about: "Nobody else is honest. It is told, and ends when the budget above does.",
      },
      ...{ spent: spent.alone, left: undefined, year: year?.alone },
    },
  ];
  const asValue = (part: Loss | undefined) => part && { rho: part.rho, epsilon: part.epsilon ?? null };
  return html`
    <meter
      min="0"
      .max=${lifetime.rho}
      .value=${spent.trusted.rho}
      aria-label="Lifetime budget"
      aria-valuetext=${`rho ${rho(spent.trusted.rho)} of ${rho(lifetime.rho)} is spent`}></meter>
    <p class="note">${spentIn(account)} ${paceIn(reading, account, year?.projection)}</p>
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

function spentIn({ spent, lifetime }: Account): string {
  const all = lifetime.epsilon === undefined ? "" : `; all of it is an ε of ${epsilon(lifetime.epsilon)}`;
  return `ρ ${rho(spent.trusted.rho)} of ${rho(lifetime.rho)} is spent, for good${all}.`;
}

/** The present pace in words, and where it leads. */
export function paceIn({ ledger }: Reading, { remaining }: Account, projection: Projection | undefined): string {
  const last = ledger.at(-1);
  if (!last) return "Nothing was contributed yet.";
  const covered = coveredBy(remaining.rho, last.entry.rho);
  const rest = `The rest covers ${count(covered, "more contribution")} at the price of the last.`;
  if (!projection) return `${rest} What a year comes to needs two contributions.`;
  const { pace, goneAfterMs } = projection;
  const often = `So far there is one every ${span(pace.everyMs)}`;
  if (goneAfterMs === undefined) return `${rest} ${often}; that makes ${projection.more} more in a year.`;
  return `${rest} ${often}; at that pace the budget is gone in ${span(goneAfterMs)}, and then this device contributes nothing more.`;
}
