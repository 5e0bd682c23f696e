// The device for a Service Worker: both halves in one file, because nothing can be imported there later.

import * as release from "./release.ts";
import { provide } from "./release_loader.ts";

provide(release);

export { type Changes, LEDGER, MemoryStore, serve, type Store } from "./worker.ts";
