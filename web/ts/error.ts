import { gaveUp as failureOf } from "../../worker/refusal.ts";

/** Every code there is. A code never changes its meaning; `docs/errors.md` says what each means. */
const CODES = [
  "event-kind-unknown",
  "attribute-unknown",
  "schema-refused",
  "embedding-length",
  "not-finite",
  "dense-length",
  "slate-too-long",
  "candidate-refused",
  "too-many-candidates",
  "order-refused",
  "state-damaged",
  "state-version",
  "head-refused",
  "head-stale",
  "round-refused",
  "round-over",
  "round-contributed",
  "round-stale",
  "policy-refused",
  "budget-exhausted",
  "alone-exhausted",
  "ledger-waiting",
  "too-soon",
  "upload-pending",
  "reservation-lost",
  "not-charged",
  "ledger-damaged",
  "ledger-version",
  "ledger-rolled-back",
  "ledger-full",
  "random-source",
  "noise-failed",
  "wire-version",
  "wire-malformed",
  "wire-length",
  "signature-missing",
  "signature-wrong",
  "key-not-pinned",
  "configuration-mismatch",
  "seal-broken",
  "shares-mismatch",
  "task-unknown",
  "round-closed",
  "round-unknown",
  "round-full",
  "upload-conflict",
  "upload-id-mismatch",
  "entry-too-large",
  "cohort-too-small",
  "task-not-admitted",
  "task-withdrawn",
  "round-conflict",
  "round-early",
  "batch-disagreed",
  "batch-too-small",
  "batch-spent",
  "uploads-at-stake",
  "helper-unreachable",
  "helper-refused",
  "clocks-differ",
  "round-pending",
  "token-refused",
  "token-spent",
  "quota-spent",
  "token-missing",
  "not-authorised",
  "too-many-requests",
  "rate-limited",
  "body-late",
  "route-unknown",
  "method-refused",
  "body-too-large",
  "store-failed",
  "store-behind",
  "server-unreachable",
  "storage-unavailable",
  "storage-evictable",
  "module-altered",
  "storage-full",
  "consent-missing",
  "paused",
  "not-taking-part",
  "options-differ",
  "argument-refused",
  "aborted",
  "timed-out",
  "worker-failed",
  "closed",
] as const;

/** What went wrong. Match on this, never on the message. */
export type ErrorCode = (typeof CODES)[number];

/** The one error that this package throws. */
export class PrivetError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "PrivetError";
  readonly code: Code;

  /** One of a code, with words for a person. */
  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** A union over the codes: a `switch` on `code` that forgets one does not compile. */
export type AnyPrivetError = { [Code in ErrorCode]: PrivetError<Code> }[ErrorCode];

/** Whether it was thrown by this package. */
export function isPrivetError(error: unknown): error is AnyPrivetError {
  return error instanceof PrivetError;
}

/** A server newer than this package may have codes that it does not know: they are a fault of the worker here. */
export function errorFrom(code: string, message: string): PrivetError {
  const known = CODES.find((known) => known === code);
  return known ? new PrivetError(known, message) : new PrivetError("worker-failed", `${code}: ${message}`);
}

/** Why a caller does not wait any more, out of their signal's reason. */
export function gaveUp({ reason }: AbortSignal): PrivetError {
  const { code, message } = failureOf(reason);
  return errorFrom(code, message);
}
