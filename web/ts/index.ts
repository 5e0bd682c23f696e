// The package: re-rank a feed on the device, learn there, contribute only what is noised. To import it does nothing.

import { PrivetError } from "./error.ts";
import { printOf } from "./options.ts";
import { Personalizer } from "./personalizer.ts";
import type { Options, Schema } from "./types.ts";

export type {
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
} from "../../worker/protocol.ts";
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

/** What is open on this page, by task. */
const opened = new Map<string, { print: string; personalizer: Promise<Personalizer<Schema>> }>();

/**
 * Opens the device of a task. As long as it is open, the same options give the same personalizer, and others are refused.
 * Outside of a browser, where there is neither a worker nor storage, it gives one that leaves the server's order.
 */
export function createPersonalizer<S extends Schema = Schema>(options: Options<S>): Promise<Personalizer<S>> {
  const { task = "local" } = options;
  const print = printOf(options as Options);
  const before = opened.get(task);
  if (before) {
    if (before.print === print) return before.personalizer as unknown as Promise<Personalizer<S>>;
    return Promise.reject(new PrivetError("options-differ", `a personalizer of “${task}” is open with other options`));
  }
  const forget = () => void opened.delete(task);
  const personalizer = Personalizer.open<S>(options, forget);
  personalizer.catch(forget);
  opened.set(task, { print, personalizer: personalizer as unknown as Promise<Personalizer<Schema>> });
  return personalizer;
}

/** Names what the head's schema has, so that the compiler knows it: pass it as `schema`, or its type to the function. */
export function defineSchema<const S extends Schema>(schema: S): S {
  return schema;
}
