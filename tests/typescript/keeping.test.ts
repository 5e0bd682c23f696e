import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { isPersistent, keepingOf } from "../../worker/keeping.ts";
import { MemoryStore, type Store } from "../../worker/store.ts";

const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const EDGE = `${CHROME} Edg/140.0.0.0`;
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const SAFARI =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
afterEach(() => {
  if (before) Object.defineProperty(globalThis, "navigator", before);
  else Reflect.deleteProperty(globalThis, "navigator");
});

function browser(userAgent: string, persisted: boolean): void {
  const value = { userAgent, storage: { persisted: async () => persisted } };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
}

const store = (kind: Store["kind"], lasting = true) => Object.assign(new MemoryStore(), { kind, lasting }) as Store;
const ofBrowser = store("indexeddb");

test("a store is persistent where its browser has promised it, and in no Safari", async () => {
  for (const [userAgent, keeps] of [
    [CHROME, true],
    [EDGE, true],
    [FIREFOX, true],
    [SAFARI, false],
    [IPHONE, false],
  ] as const) {
    browser(userAgent, true);
    assert.equal(await isPersistent(ofBrowser), keeps, userAgent);
    browser(userAgent, false);
    assert.equal(await isPersistent(ofBrowser), false, userAgent);
  }
  assert.equal(await isPersistent(store("file")), true);
  assert.equal(await isPersistent(store("memory")), false, "a store of an application's own that says so");
});

test("where the ledger may be deleted, tokens count, or the application answers for it, or the budget rests on nothing", async () => {
  for (const [persisted, tokens, allowEvictable, keeping] of [
    [true, false, false, "persistent"],
    [true, true, true, "persistent"],
    [false, true, true, "tokens"],
    [false, true, false, "tokens"],
    [false, false, true, "evictable-allowed"],
    [false, false, false, "evictable"],
  ] as const) {
    browser(CHROME, persisted);
    assert.equal(await keepingOf(ofBrowser, { tokens, allowEvictable }), keeping);
  }
  assert.equal(await keepingOf(store("memory", false), { tokens: true }), "none");
});
