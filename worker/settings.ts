// What a device keeps of its user's choices.

import type { Consent } from "./protocol.ts";

/** What is agreed to. */
export interface Settings extends Consent {
  paused: boolean;
  /** It was erased while the ledger's half could not be loaded: what is finished is to be given up before anything else. */
  erased?: boolean;
}
