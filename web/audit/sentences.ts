// What the section says in words: what left in one sentence, what is not as it should be, and the statement's paragraphs.

import { html } from "lit";
import { bytesOf, count, time, whole } from "./format.ts";
import type { Explained } from "./network.ts";
import { isDamage, type Reading, UNREAD } from "./reading.ts";

/** What left this device, and whether all that the page asked for is explained. */
export function sum(reading: Reading | undefined, requests: readonly Explained[], opened: boolean): unknown {
  if (!reading) return opened ? "Reading what this device has kept." : "No personalizer is open on this page yet.";
  const { left, ledger } = reading;
  const bytes = left.reduce((sum, { sending }) => sum + sending.bytes.length, 0);
  const unexplained = requests.filter(({ what }) => what === undefined).length;
  const logged = new Set(left.map(({ sending }) => sending.id));
  const gone = ledger.filter(({ entry: { id, fate } }) => fate === "sent" && !logged.has(id)).length;
  const size = left.length > 1 ? `, ${bytesOf(bytes)} in all, each` : `: ${bytesOf(bytes)},`;
  const [strong, after] = left.length
    ? [count(left.length, "upload"), ` left this device${size} noised here first.`]
    : ["Nothing about you", ` ${gone ? "stands in the log of" : "has left"} this device.`];
  const before = gone ? `The ledger knows of ${count(gone, "earlier upload")}, whose bytes are not kept any more.` : "";
  const all = count(requests.length, "request");
  const asked = unexplained
    ? html`
        <strong class="unexplained">
          ${whole(unexplained)} of ${all} ${unexplained === 1 ? "has" : "have"} no explanation.
        </strong>
      `
    : `All ${all} of this page are explained.`;
  const read = html`
    <span class="quiet">Read at ${time(reading.time)}.</span>
  `;
  return html`
    <strong>${strong}</strong>
    ${after} ${before} ${asked} ${read}
  `;
}

/** What is not as it should be, a sentence each. */
export function troubles(reading: Reading | undefined, offline: boolean): string[] {
  const said: string[] = [];
  if (offline)
    said.push("This device is offline. What stands here was kept on it, and is whole; what is finished is sent later.");
  if (!reading) return said;
  const { status, left, missing } = reading;
  if (status.keeping === "evictable" && status.consent.contribute)
    said.push(
      "The browser may delete the ledger, and with it the count of what was spent: so nothing is contributed here.",
    );
  if (status.storage === "memory")
    said.push(
      "This window keeps nothing beyond its own life: nothing is contributed from it, and there is no lasting ledger.",
    );
  const last = left.at(-1)?.sending;
  if (last?.answer && last.answer.status !== 200) {
    const { status, code } = last.answer;
    const again = left.at(-1)?.paid?.entry.fate === "ready";
    said.push(
      (status === 0
        ? `The leader did not answer at ${time(last.time)}.`
        : code === "helper-unreachable"
          ? `The leader answered at ${time(last.time)} that the helper is not to be reached.`
          : `The leader did not take the upload of ${time(last.time)}: ${code}.`) +
        (again ? " The finished upload waits here; the same bytes go out again and cost nothing more." : ""),
    );
  } else if (status.refused === "server-unreachable") {
    said.push("The aggregation server could not be reached. What was verified before stands, and nothing is lost.");
  }
  return [...said, ...missing];
}

/** Why nothing could be read. */
export const troubleOf = (error: unknown): string =>
  isDamage(error) ? UNREAD : `This device did not answer: ${(error as Error).message}.`;

/** What stands before a colon is what the paragraph is about. */
export function paragraph(text: string) {
  const [, head = "", rest = text] = text.match(/^([^:.]{4,60}:)(.*)$/s) ?? [];
  return html`
    <p>
      <b>${head}</b>
      ${rest}
    </p>
  `;
}
