// What was sent, as an auditor reads it. The core keeps the log (`crate/participation/src/log.rs`).

/** One request that carried something. */
export interface Sending {
  /** Milliseconds since 1970. */
  time: number;
  method: string;
  url: string;
  /** Those that this package sets; a token is in its own place, as whether there was one. */
  headers: Record<string, string>;
  task: string;
  round: number;
  /** The upload's id in hexadecimal. */
  id: string;
  /** Exactly what left. */
  bytes: Uint8Array;
  /** Whether a token of the application's backend went with it. */
  token: boolean;
  /** The round that it was made for, as it was published and signed; nothing where another was open when it was sent. */
  signed?: Uint8Array;
  /**
   * The noised vector that was cut into shares and sealed, in grid units. The session that made it knows it until
   * something is forgotten; it is never stored.
   */
  noised?: Int32Array;
  /** The status (0 where nobody answered) and the code of a refusal; nothing where the tab was gone before an answer. */
  answer?: { status: number; code?: string; count?: number; minCohort?: number };
}
