// The package: re-rank a feed on the device, learn there, contribute only what is noised. To import it does nothing.

import { Personalizer } from "./personalizer.ts";
import type { Options, Schema } from "./types.ts";

export type {
  Agreed,
  Asked,
  Backend,
  Choice,
  Consent,
  Entry,
  Erased,
  Fields,
  Forgettable,
  Interval,
  Kind,
  Limits,
  Message,
  Policy,
  Preview,
  ProfileSummary,
  Progress,
  Receipt,
  Report,
  Requests,
  Seen,
  Shaders,
  Status,
  Widening,
} from "../../worker/protocol.ts";
export type { Integrity } from "../../worker/integrity.ts";
export type { Keeping } from "../../worker/keeping.ts";
export type { Sending } from "../../worker/sent.ts";
export type { Store } from "../../worker/store.ts";
export type { Audit } from "./audit.ts";
export { type AnyPrivetError, type ErrorCode, isPrivetError, PrivetError } from "./error.ts";
export type { Personalizer } from "./personalizer.ts";
export { onPeriodicSync } from "./sync.ts";
export type {
  Bytes,
  Candidate,
  EventKind,
  Interaction,
  Item,
  Key,
  Options,
  Request,
  Rules,
  Schema,
  Score,
  Serve,
  Slate,
} from "./types.ts";

/**
 * Opens the device of a task. Whoever opens it again, with the same options, shares it and has to close it as well; other
 * options are refused as long as anybody has it open. What tells devices apart is the task and what they store in: the
 * page's own storage, or the store that is given. On a server, where there is no device, it gives a personalizer that leaves the server's order.
 */
export function createPersonalizer<S extends Schema = Schema>(options: Options<S>): Promise<Personalizer<S>> {
  return Personalizer.open(options);
}

/** Names what the head's schema has, so that the compiler knows it: pass it as `schema`, or its type to the function. */
export function defineSchema<const S extends Schema>(schema: S): S {
  return schema;
}
