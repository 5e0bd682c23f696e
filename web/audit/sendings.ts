// One upload: its request, its fields, and what it cost.

import { html, nothing, type TemplateResult } from "lit";
import { dump } from "./bytes.ts";
import { bytesOf, epsilon, grouped, moment, rho, time, whole } from "./format.ts";
import type { Left, Loss } from "./reading.ts";
import { code, type Copy, type Fact, facts, table } from "./table.ts";

/** What HPKE puts before and behind what it seals: the one-time key and the tag. */
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const TOKEN = "privet-token";

const MEANINGS: Record<string, string> = {
  configuration: "SHA-256 of the terms that were signed for this round.",
  id: "Drawn at random for this upload alone.",
  entries: "The noised vector: a whole number of 32 bits for each parameter.",
  "leader-share": "For the leader's key alone: the noised vector less the helper's share.",
  "helper-share": "For the helper's key alone: a seed of 32 bytes that its share is computed from.",
};

/** Which uploads are unfolded, and who is told when that changes. */
export interface Folds {
  open: ReadonlySet<string>;
  setOpen(key: string, open: boolean): void;
}

export function sending(left: Left, number: number, folds: Folds, copy: Copy): TemplateResult {
  const { sending, paid } = left;
  const key = `${sending.time} ${sending.id}`;
  return html`
    <li>
      ${fold(
        key,
        html`
          <span class="what">Upload ${number}</span>
          <time datetime=${new Date(sending.time).toISOString()}>${time(sending.time)}</time>
          <span>round ${sending.round}</span>
          <span>${bytesOf(sending.bytes.length)}</span>
          <span>
            ${
              paid
                ? html`
                    ρ ${rho(paid.trusted.rho)}
                  `
                : "not in the ledger"
            }
          </span>
          <span class=${answered(left) ? "answer" : "answer open"}>${answerOf(left)}</span>
        `,
        () => inside(left, key, folds, copy),
        folds,
        "sending",
      )}
    </li>
  `;
}

function inside(left: Left, key: string, folds: Folds, copy: Copy): TemplateResult {
  const { sending, fields, round, sha256 } = left;
  const part = (name: string, title: unknown, content: () => unknown) => fold(`${key} ${name}`, title, content, folds);
  return html`
    ${facts("request", "The request", requestOf(left), copy)}
    ${part(
      "bytes",
      html`
        Its body, byte for byte
        <code class="brief">${sha256.slice(0, 16)}…</code>
      `,
      () => dump(sending.bytes, fields),
    )}
    ${fields ? part("fields", "Field by field", () => decoded(left, copy)) : nothing}
    ${part("noised", "The noised vector", () => noised(left))}
    ${fields && "helper-share" in fields ? part("shares", "The two sealed shares", () => shares(left, copy)) : nothing}
    ${round ? part("round", "The signed terms that it was made for", () => facts("round", "The round", termsOf(round), copy)) : nothing}
    ${facts("answer", "The answer", answerFacts(left), copy)}
    ${facts("paid", "The ledger entry that paid for it", paidOf(left), copy)}
  `;
}

export function fold(key: string, title: unknown, content: () => unknown, folds: Folds, kind = ""): TemplateResult {
  const open = folds.open.has(key);
  const toggled = (event: Event) => {
    event.stopPropagation();
    folds.setOpen(key, (event.currentTarget as HTMLDetailsElement).open);
  };
  return html`
    <details class=${kind} .open=${open} @toggle=${toggled}>
      <summary>${title}</summary>
      ${
        open
          ? html`
              <div class="unfolded">${content()}</div>
            `
          : nothing
      }
    </details>
  `;
}

function requestOf({ sending, sha256 }: Left): Fact[] {
  const { time, method, url, headers, token, bytes } = sending;
  const set: Fact[] = Object.entries(headers ?? {}).map(([name, value]) => ({ name, value }));
  if (token)
    set.push({
      name: TOKEN,
      value: "354 bytes, signed blind: not even the site can tell whose",
      about: "Which ones, is not kept.",
    });
  return [
    { name: "time", value: new Date(time).toISOString(), show: moment(time) },
    { name: "method", value: method },
    {
      name: "address",
      value: url,
      show: html`
        <code>${url}</code>
      `,
    },
    ...set,
    {
      name: "cookies",
      value: "none",
      about: "No credentials and no referrer: the browser was told to leave them out.",
    },
    { name: "body", value: bytes, show: bytesOf(bytes.length) },
    {
      name: "sha-256",
      value: sha256,
      show: html`
        <code>${sha256.replace(/.{8}(?=.)/g, "$& ")}</code>
      `,
    },
  ];
}

function decoded({ fields }: Left, copy: Copy): TemplateResult {
  const rows = Object.entries(fields ?? {});
  return table(
    {
      name: "fields",
      caption: "Fields of the upload",
      columns: [
        { key: "field", head: "Field", value: ([name]) => name },
        { key: "length", head: "Bytes", value: ([, value]) => lengthOf(value), number: true },
        {
          key: "value",
          head: "Value",
          value: ([, value]) => value,
          show: ([name, value]) => html`
            ${value instanceof Uint8Array ? scrolled(value, name) : value}
            <span class="about">${MEANINGS[name] ?? ""}</span>
          `,
        },
      ],
      rows,
    },
    copy,
  );
}

const lengthOf = (value: unknown) => (value instanceof Uint8Array ? value.length : String(value).length);

function scrolled(bytes: Uint8Array, name: string): TemplateResult {
  if (bytes.length <= 64) return code(bytes);
  return html`
    <code class="long" tabindex="0" role="region" aria-label=${`${name} in hexadecimal`}>${grouped(bytes)}</code>
  `;
}

function noised({ sending, fields, round }: Left): TemplateResult {
  const entries = fields?.["entries"];
  const vector = sending.noised ?? (entries instanceof Uint8Array ? integersOf(entries) : undefined);
  if (!vector) {
    return html`
      <p class="note">
        The session that made it knew it, and it was never stored: what is left on this device is sealed to the two
        aggregators, and this device cannot open it.
      </p>
    `;
  }
  const scale = Number(round?.["grid-scale"] ?? 0);
  const largest = vector.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  const unit = scale ? `, of which ${whole(scale)} are 1 of the head's` : "";
  const secret = entries
    ? ""
    : " Only the two aggregators together could put it together again. This session knows it; it is never stored.";
  return html`
    <p class="note">
      ${`${whole(vector.length)} whole numbers in grid units${unit}; the largest is ${whole(largest)}.${secret}`}
    </p>
    <code class="long integers" data-name="noised" tabindex="0" role="region" aria-label="The noised vector">
      ${Array.from(vector).join(" ")}
    </code>
  `;
}

function integersOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: bytes.length / 4 }, (_, n) => view.getInt32(4 * n, true));
}

/** What one role's sealed share consists of. */
interface Sealed {
  role: "leader" | "helper";
  part: string;
  bytes: Uint8Array;
}

function shares({ fields, round }: Left, copy: Copy): TemplateResult {
  const rows = (["leader", "helper"] as const).flatMap((role): Sealed[] => {
    const sealed = fields?.[`${role}-share`] as Uint8Array;
    const tag = sealed.length - TAG_BYTES;
    return [
      { role, part: "one-time key", bytes: sealed.subarray(0, KEY_BYTES) },
      { role, part: role === "helper" ? "sealed seed" : "sealed share", bytes: sealed.subarray(KEY_BYTES, tag) },
      { role, part: "tag", bytes: sealed.subarray(tag) },
    ];
  });
  const to = (role: "leader" | "helper") => round?.[role] ?? `the ${role}`;
  const about =
    `One is sealed by HPKE to ${to("leader")}, the leader, the other to ${to("helper")}, the helper, each for this upload ` +
    "alone. By itself neither says anything: the helper's is a random seed, the leader's is masked by what comes of it.";
  return html`
    <p class="note">${about}</p>
    ${table(
      {
        name: "shares",
        caption: "The two sealed shares",
        columns: [
          { key: "share", head: "Share", value: ({ role }) => role, show: ({ role }) => `${role}’s` },
          { key: "part", head: "Part", value: ({ part }) => part },
          { key: "length", head: "Bytes", value: ({ bytes }) => bytes.length, number: true },
          {
            key: "bytes",
            head: "Value",
            value: ({ bytes }) => bytes,
            show: ({ bytes, role, part }) => scrolled(bytes, `The ${role}'s ${part}`),
          },
        ],
        rows,
      },
      copy,
    )}
  `;
}

export function termsOf(round: Record<string, number | string | Uint8Array | null>): Fact[] {
  return Object.entries(round).map(([name, value]) => ({
    name,
    value,
    ...(name === "deadline" && { show: moment(Number(value) * 1000) }),
  }));
}

function answerFacts({ sending: { answer } }: Left): Fact[] {
  if (!answer) return [{ name: "status", value: null, show: "none yet" }];
  const { status, code, count, minCohort } = answer;
  return [
    { name: "status", value: status, show: status || "nobody answered" },
    ...(code ? [{ name: "code", value: code }] : []),
    ...(count === undefined ? [] : [{ name: "uploads in the round", value: count }]),
    ...(minCohort === undefined
      ? []
      : [{ name: "opened from", value: minCohort, about: "The sum is opened over no fewer." }]),
  ];
}

function paidOf({ paid, round }: Left): Fact[] {
  if (!paid) return [{ name: "entry", value: null, show: "The ledger has none for this id." }];
  const { entry, trusted, alone } = paid;
  const delta = round?.["delta"] ?? null;
  return [
    { name: "task", value: entry.task },
    { name: "round", value: entry.round },
    {
      name: "id",
      value: entry.id,
      show: html`
        <code>${entry.id}</code>
      `,
    },
    {
      name: "rho_trusted",
      value: entry.rho,
      show: loss(trusted),
      about:
        "If one of the two aggregators is honest, whoever everybody else is: between your data and " +
        (entry.adjacency === "zeroed" ? "no data." : "any other."),
    },
    {
      name: "rho_alone",
      value: entry.rhoAlone,
      show: loss(alone),
      about: "If both aggregators work together against you.",
    },
    ...(delta === null ? [] : [{ name: "delta", value: delta }]),
    { name: "fate", value: entry.fate },
  ];
}

export function loss({ rho: value, epsilon: at }: Loss): TemplateResult {
  return html`
    ρ
    ${rho(value)}${
      at === undefined
        ? nothing
        : html`
            <span class="epsilon">ε ${epsilon(at)}</span>
          `
    }
  `;
}

function answered({ sending: { answer } }: Left): boolean {
  return answer?.status === 200;
}

function answerOf({ sending: { answer } }: Left): string {
  if (!answer) return "not answered yet";
  if (answer.status === 200) return `counted, ${answer.count} of ${answer.minCohort}`;
  return answer.status ? `refused: ${answer.code}` : "nobody answered";
}
