// Errors inside the worker: what has a stable code, and what has not.

/** An error on its way out of the worker: the classes of `Error` do not survive it. */
export interface Failure {
  code: string;
  message: string;
}

export function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** An error as it crosses to the page. What has no code is a fault of the worker itself. */
export function failureFrom(error: unknown): Failure {
  return { code: codeOf(error) ?? "worker-failed", message: String(Object(error).message ?? error) };
}

export function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/** Why a caller does not wait any more, out of its signal's reason. */
export function gaveUp(reason: unknown): Failure {
  const late = Object(reason).name === "TimeoutError";
  return late
    ? { code: "timed-out", message: "the caller's time was over" }
    : { code: "aborted", message: "the caller gave up" };
}

/** Refuses where the caller has given up. */
export function stillWanted({ aborted, reason }: AbortSignal): void {
  if (!aborted) return;
  const { code, message } = gaveUp(reason);
  throw refusal(code, message);
}
