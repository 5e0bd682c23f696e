// The device for a Service Worker: both modules' glue in one file, because nothing can be imported there later.

import * as full from "../web/pkg/full/full.js";
import { provide } from "./module.ts";

provide(full);

export { type Changes, LEDGER, MemoryStore, serve, type Store } from "./worker.ts";
