// The package: re-rank a feed on the device, learn there, contribute only what is noised.

import { Personalizer } from "./personalizer.ts";
import type { Options } from "./types.ts";

export type {
  Backend,
  Fields,
  Forgettable,
  Kind,
  Message,
  Policy,
  Preview,
  Receipt,
  Status,
} from "../../worker/protocol.ts";
export { type AnyPrivetError, type ErrorCode, isPrivetError, PrivetError } from "./error.ts";
export type { Personalizer } from "./personalizer.ts";
export type { Candidate, EventKind, Interaction, Item, Key, Options, Request, Rules, Score, Slate } from "./types.ts";

/** Starts the worker, fetches the open round and its head, and checks both against the policy. */
export function createPersonalizer(options: Options): Promise<Personalizer> {
  return Personalizer.open(options);
}
