// The half that contributes without a worker: nothing is stored, and whatever it asks for is there at once.

import type * as Release from "../web/pkg/release/release.js";

/** A core for a head that nobody signed, and what it makes of a question about these new examples. */
export function coreOf(release: typeof Release, head: Uint8Array, newExamples: Uint8Array = new Uint8Array()) {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  const later = (id: number, value?: unknown) => queueMicrotask(() => core.answered(id, value));
  const nothing = (id: number) => later(id);
  const host = {
    ...{ read: nothing, write: nothing, lock: nothing, now: nothing, contributed: nothing, keepProfile: nothing },
    ...{ refresh: nothing, unlock: () => undefined, cancel: () => undefined },
    keys: (id: number) => queueMicrotask(() => core.keysAre(id, [])),
    persisted: (id: number) => later(id, true),
    newExamples: (id: number) => later(id, newExamples),
    replied: (call: number, value: unknown) => waiting.get(call)?.resolve(value),
    failed: (call: number, error: unknown) => waiting.get(call)?.reject(error),
  };
  const terms = new release.Terms("demo", new Uint8Array(32), undefined, new Float64Array());
  const core = new release.Participation(host as never, terms, undefined, false, false, false, false, false, false);
  core.published(new Uint8Array(), head);
  let calls = 0;
  const ask = (what: string) =>
    new Promise<unknown>((resolve, reject) => {
      waiting.set(++calls, { resolve, reject });
      core.ask(calls, what);
    });
  return { core, ask };
}
