// The columns of the tables of debits and of requests.

import { html } from "lit";
import { time, whole } from "./format.ts";
import type { Explained } from "./network.ts";
import type { Paid } from "./reading.ts";
import { loss } from "./sendings.ts";
import { type Column, none } from "./table.ts";

const BETWEEN = { zeroed: "no data", replaced: "any other" };

export const LEDGER: readonly Column<Paid>[] = [
  {
    ...{ key: "id", head: "Upload" },
    value: ({ entry }) => entry.id,
    show: ({ entry }) => html`
      <code>${entry.id.replace(/.{8}(?=.)/g, "$& ")}</code>
    `,
  },
  { key: "task", head: "Task", value: ({ entry }) => entry.task },
  { key: "round", head: "Round", value: ({ entry }) => entry.round, number: true },
  {
    ...{ key: "rho_trusted", head: "ρ trusted", number: true },
    value: ({ trusted }) => trusted,
    show: ({ trusted }) => loss(trusted),
  },
  { key: "between", head: "Between your data and", value: ({ entry }) => BETWEEN[entry.adjacency] },
  { key: "rho_alone", head: "ρ alone", number: true, value: ({ alone }) => alone, show: ({ alone }) => loss(alone) },
  { key: "fate", head: "Became", value: ({ entry }) => entry.fate },
];

const UNLISTED = none("not listed");

export const REQUESTS: readonly Column<Explained>[] = [
  {
    ...{ key: "address", head: "Address" },
    value: ({ url }) => url,
    show: ({ url }) => html`
      <code>${url.startsWith(`${location.origin}/`) ? url.slice(location.origin.length) : url}</code>
    `,
  },
  {
    ...{ key: "what", head: "What it is" },
    value: ({ what }) => what ?? "unexplained",
    show: ({ what }) =>
      what ??
      html`
        <span class="unexplained">Unexplained</span>
      `,
  },
  {
    key: "time",
    head: "At",
    value: ({ time }) => new Date(time).toISOString(),
    show: (row) => time(row.time),
    number: true,
  },
  { key: "method", head: "Method", value: ({ method }) => method, show: ({ method }) => method ?? UNLISTED },
  {
    ...{ key: "sent", head: "Carried", number: true },
    value: ({ sent }) => sent,
    show: ({ sent }) => (sent === undefined ? UNLISTED : whole(sent)),
  },
  {
    ...{ key: "received", head: "Received", number: true },
    value: ({ received }) => received,
    show: ({ received }) => (received === undefined ? UNLISTED : whole(received)),
  },
  { key: "seen-by", head: "Listed by", value: ({ seenBy }) => seenBy },
];
