// What the page and the simulated devices say to each other.

import type { Options } from "privet";
import type { Story } from "../model.ts";

export interface Order {
  devices: number;
  task: string;
  aggregators: NonNullable<Options["aggregators"]>;
  policy: NonNullable<Options["policy"]>;
  stories: Story[];
}

/** What one device sent, or why it did not. */
export type Sent =
  | {
      refused?: undefined;
      round: number;
      id: string;
      /** How many uploads the server says that it holds. */
      count: number;
      rho: number;
      examples: number;
      bytes: number;
      sha256: string;
      /** The topic that its person likes. */
      taste: string;
      ms: number;
    }
  | { refused: { code: string; message: string } };
