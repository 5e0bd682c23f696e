// Accessible tables, wide or narrow, each with a button that copies it as JSON.

import { html, nothing, type TemplateResult } from "lit";
import { grouped, hex } from "./format.ts";

export type Cell = number | string | boolean | null | undefined | Uint8Array | readonly string[] | object;

export interface Column<Row> {
  /** Its name in JSON. */
  key: string;
  /** Its name on the page. */
  head: string;
  /** What it holds, exactly. */
  value(row: Row): Cell;
  /** How that is shown, where that differs. */
  show?(row: Row): unknown;
  number?: boolean;
}

export interface Table<Row> {
  /** Its name in JSON, and for tests. */
  name: string;
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  /** Those of them that are on the page; all, where it is not said. JSON always has all. */
  shown?: readonly Row[];
  /** Whether a row stands out. */
  loud?(row: Row): boolean;
  foot?: unknown;
}

/** Hands a text over to the user, and says so. */
export type Copy = (caption: string, json: string) => void;

export function table<Row>(table: Table<Row>, copy: Copy): TemplateResult {
  const { name, caption, columns, rows, shown = rows, loud, foot } = table;
  const asJson = () => copy(caption, jsonOf({ [name]: rows.map((row) => plainRow(columns, row)) }));
  // ARIA roles again: on a narrow page the parts are laid out as blocks, and some browsers drop a table's roles then.
  return html`
    <div class="tabled">
      <table role="table" data-name=${name}>
        <caption>${caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            ${columns.map(
              ({ head, number }) => html`
                <th scope="col" role="columnheader" class=${number ? "number" : nothing}>${head}</th>
              `,
            )}
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${shown.map(
            (row) => html`
              <tr role="row" class=${loud?.(row) ? "loud" : nothing}>${cells(columns, row)}</tr>
            `,
          )}
        </tbody>
        ${foot ?? nothing}
      </table>
      <button type="button" class="copy" @click=${asJson} aria-label="Copy as JSON: ${caption}">Copy as JSON</button>
    </div>
  `;
}

function cells<Row>(columns: readonly Column<Row>[], row: Row) {
  return columns.map(({ key, head, value, show, number }, place) => {
    const kind = number ? "number" : nothing;
    const shown = show ? show(row) : shownAs(value(row));
    return place === 0
      ? html`
          <th scope="row" role="rowheader" data-key=${key} class=${kind}>${shown}</th>
        `
      : html`
          <td role="cell" data-key=${key} data-head=${head} class=${kind}>${shown}</td>
        `;
  });
}

/** A name and what it is, a line each. */
export interface Fact {
  name: string;
  value: Cell;
  show?: unknown;
  about?: string;
}

export function facts(name: string, caption: string, rows: readonly Fact[], copy: Copy): TemplateResult {
  const asJson = () => copy(caption, jsonOf({ [name]: Object.fromEntries(rows.map((row) => [row.name, row.value])) }));
  return html`
    <div class="tabled">
      <table class="facts" role="table" data-name=${name}>
        <caption>${caption}</caption>
        <thead class="unseen" role="rowgroup">
          <tr role="row">
            <th scope="col" role="columnheader">Field</th>
            <th scope="col" role="columnheader">Value</th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${rows.map(
            ({ name, value, show, about }) => html`
              <tr role="row">
                <th scope="row" role="rowheader">${name}</th>
                <td role="cell" data-key=${name}>
                  ${show ?? shownAs(value)}${
                    about
                      ? html`
                          <span class="about">${about}</span>
                        `
                      : nothing
                  }
                </td>
              </tr>
            `,
          )}
        </tbody>
      </table>
      <button type="button" class="copy" @click=${asJson} aria-label="Copy as JSON: ${caption}">Copy as JSON</button>
    </div>
  `;
}

export function plainRow<Row>(columns: readonly Column<Row>[], row: Row): Record<string, Cell> {
  return Object.fromEntries(columns.map(({ key, value }) => [key, value(row) ?? null]));
}

/** JSON in which bytes are hexadecimal, with where and when it was shown. */
export function jsonOf(parts: object): string {
  const whole = { page: location.href, time: new Date().toISOString(), ...parts };
  return JSON.stringify(whole, (_, part: unknown) => (part instanceof Uint8Array ? hex(part) : part), 2);
}

function shownAs(value: Cell): unknown {
  if (value instanceof Uint8Array) return code(value);
  if (value === null || value === undefined || value === "") return none("none");
  if (Array.isArray(value)) return value.join(", ");
  return String(value);
}

/** Where there is nothing to show, in words. */
export const none = (words: string): TemplateResult => html`
  <span class="none">${words}</span>
`;

export const code = (bytes: Uint8Array): TemplateResult => html`
  <code>${grouped(bytes)}</code>
`;
