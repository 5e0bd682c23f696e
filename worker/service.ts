// The device for a Service Worker: both halves in one file, because nothing can be imported there later.

import * as full from "./full.ts";
import { provide } from "./late.ts";

provide(full);

export { type Changes, LEDGER, MemoryStore, serve, type Store } from "./worker.ts";
