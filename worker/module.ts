// The module that ranks, which comes with the worker.

import init from "../web/pkg/rank/rank.js";
import type { Source } from "./protocol.ts";

export { Device, Items, key, type Round, Terms } from "../web/pkg/rank/rank.js";

export async function loadRank(source?: Source): Promise<void> {
  await init(source && { module_or_path: source });
}
