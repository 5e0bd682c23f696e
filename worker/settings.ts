// What a device keeps of its user's choices.

import type { Consent } from "./protocol.ts";

/** What is agreed to, and what is drawn once. */
export interface Settings extends Consent {
  paused: boolean;
  /** Where this device's slots begin, as a part of one. */
  offset: number;
  /** The slot in which it looked last whether to contribute. */
  slot: number;
  /** It was erased while the ledger's half could not be loaded: what is finished is to be given up before anything else. */
  erased?: boolean;
}
