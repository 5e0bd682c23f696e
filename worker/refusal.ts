// Errors inside the worker: what has a stable code, and what has not.

import type { Failure } from "./protocol.ts";

export function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** An error as it crosses to the page. What has no code is a fault of the worker itself. */
export function failureFrom(error: unknown): Failure {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  return { code: typeof code === "string" ? code : "worker-failed", message: String(message ?? error) };
}
