// The record: one printed page with date, hashes and figures.

import { html, nothing, type TemplateResult } from "lit";
import type { Year } from "./budget.ts";
import { keptIn, paceIn, rowsOf } from "./budget.ts";
import { bytesOf, count, grouped, moment, rho, whole } from "./format.ts";
import type { Explained } from "./network.ts";
import type { Account, Left, Reading } from "./reading.ts";
import { loss } from "./sendings.ts";

/** As many uploads as fit on the page beside the rest; the others are named by their number. */
const MOST = 10;

export function record(reading: Reading, year: Year | undefined, requests: readonly Explained[]): TemplateResult {
  const { time, round, left, account, statement, missing } = reading;
  const latest = left.slice(-MOST);
  const unexplained = requests.filter(({ what }) => what === undefined);
  return html`
    <section class="record" aria-label="The record, as it is printed">
      <h2>What left this device</h2>
      <p>${moment(time)} · ${location.origin}${location.pathname}</p>
      ${
        round
          ? html`
              <dl>
                <dt>Task and round</dt>
                <dd>${round["task"]}, round ${round["number"]}, mode ${round["mode"]}, δ ${round["delta"]}</dd>
                <dt>Terms, SHA-256</dt>
                <dd>${bytes(round["hash"])}</dd>
                <dt>Head, SHA-256</dt>
                <dd>${bytes(round["head"])}</dd>
                <dt>Leader ${round["leader"]}, key</dt>
                <dd>${bytes(round["leader-key"])}</dd>
                ${
                  round["helper"]
                    ? html`
                        <dt>Helper ${round["helper"]}, key</dt>
                        <dd>${bytes(round["helper-key"])}</dd>
                      `
                    : nothing
                }
              </dl>
            `
          : nothing
      }
      ${account ? budget(reading, account, year) : nothing}
      <table>
        <caption>${uploads(left)}</caption>
        ${
          latest.length
            ? html`
                <thead>
                  <tr>
                    <th scope="col">Sent</th>
                    <th scope="col">Round</th>
                    <th scope="col">Bytes</th>
                    <th scope="col">Answer</th>
                    <th scope="col">ρ</th>
                    <th scope="col">SHA-256</th>
                  </tr>
                </thead>
                <tbody>${latest.map(line)}</tbody>
              `
            : nothing
        }
      </table>
      <p>
        ${count(requests.length, "request")} of this page and its worker:
        ${
          unexplained.length === 0
            ? "all of them explained."
            : html`
                <strong>${unexplained.length} not explained:</strong>
              `
        }
        ${unexplained.slice(0, 5).map(
          ({ url }) => html`
            <code>${url}</code>
          `,
        )}
      </p>
      <div class="statement">
        ${statement.split("\n\n").map(
          (part) => html`
            <p>${part}</p>
          `,
        )}
      </div>
      ${missing.map(
        (sentence) => html`
          <p>${sentence}</p>
        `,
      )}
    </section>
  `;
}

function budget(reading: Reading, account: Account, year: Year | undefined): TemplateResult {
  const { delta, status } = reading;
  return html`
    <table>
      <caption>Budget${delta === undefined ? nothing : `, ε at δ = ${delta}`}</caption>
      <thead>
        <tr>
          <th scope="col">If</th>
          <th scope="col">Spent</th>
          <th scope="col">Left</th>
          <th scope="col">After a year</th>
        </tr>
      </thead>
      <tbody>
        ${rowsOf(account, year).map(
          ({ head, spent, left, year }) => html`
            <tr>
              <th scope="row">${head}</th>
              <td>${loss(spent)}</td>
              <td>${left ? loss(left) : "no limit of its own"}</td>
              <td>${year ? loss(year) : "not known yet"}</td>
            </tr>
          `,
        )}
      </tbody>
    </table>
    <p>${[paceIn(reading, account, year?.projection), ...keptIn(status)].join(" ")}</p>
  `;
}

function line({ sending, sha256, paid }: Left): TemplateResult {
  const { time, round, bytes, answer } = sending;
  return html`
    <tr>
      <th scope="row">${moment(time)}</th>
      <td>${round}</td>
      <td>${whole(bytes.length)}</td>
      <td>${answer ? answer.code || answer.status : "none"}</td>
      <td>${paid ? rho(paid.trusted.rho) : "none"}</td>
      <td><code>${sha256}</code></td>
    </tr>
  `;
}

function uploads(left: readonly Left[]): string {
  if (left.length === 0) return "No upload left this device.";
  const all = left.reduce((sum, { sending }) => sum + sending.bytes.length, 0);
  const rest = left.length > MOST ? `; the latest ${MOST}` : "";
  return `${count(left.length, "upload")}, ${bytesOf(all)} in all${rest}`;
}

const bytes = (field: unknown) =>
  field instanceof Uint8Array
    ? html`
        <code>${grouped(field)}</code>
      `
    : nothing;
