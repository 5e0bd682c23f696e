// A bare page over the built package, and what tests do on it.

import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Locator, Page } from "playwright-core";
import type { Personalizer } from "../../web/ts/index.ts";

export const DIST = new URL("../../web/ts/dist/", import.meta.url).pathname;

/** What a page loads, and a Service Worker. */
export const LOADED = [
  ...["index.js", "head.js", "worker.js", "service.js", "release.js"],
  ...["rank_bg.wasm", "rank_scalar_bg.wasm", "release_bg.wasm", "release_scalar_bg.wasm"],
];

export const ITEMS = [0, 1, 2, 3].map((n) => ({
  id: `item-${n}`,
  score: -n / 20,
  embedding: Array.from({ length: 16 }, (_, i) => (i === n ? 1 : 0.125)),
}));

/** A policy that waits for nothing. */
export const AT_ONCE = { waitMs: 0, sessions: 0, intervalMs: 0, rhoAlone: "none", interleaveEvery: 0 };

/** What the page's own global object holds. */
export interface Global {
  personalizer: Personalizer;
  items: typeof ITEMS;
}

/** Stands before the worker: what waits for a moment that was drawn waits a twentieth of it, and no hour for any. */
export const IMPATIENT =
  "{ const wait = setTimeout;" +
  "globalThis.setTimeout = (work, ms = 0, ...rest) => wait(work, ms > 500 ? Math.min(ms / 20, 3000) : ms, ...rest); }";

export class Site {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<Site> {
    const folder = await mkdtemp(join(tmpdir(), "privet-site-"));
    const html = '<!doctype html><title>site</title><link rel="icon" href="data:,"><div id="slate"></div>';
    await writeFile(join(folder, "index.html"), html);
    for (const name of LOADED) await copyFile(join(DIST, name), join(folder, name));
    await writeFile(join(folder, "worker.js"), IMPATIENT + (await readFile(join(DIST, "worker.js"), "utf8")));
    return new Site(folder);
  }

  end(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** What stands before every page's scripts. */
export async function prepare(context: BrowserContext): Promise<void> {
  // tsx keeps the names of functions by a helper that a page does not have.
  await context.addInitScript("globalThis.__name = (named) => named");
}

/** Options as JSON carries them, over defaults: the task of the server at this origin, by hand, at once. */
export type PlainOptions = Record<string, unknown>;

/** Opens a personalizer on a page that is there, and agrees to everything unless told; its error's code, if any. */
export async function open(page: Page, options: PlainOptions = {}, consent: object | null = {}): Promise<string> {
  const [items, policy] = [ITEMS, AT_ONCE];
  return page.evaluate(
    async ({ items, policy, options, consent }) => {
      const entry = "/index.js";
      const { createPersonalizer } = await import(entry);
      const { leader, helper } = await (await fetch("/v1/identity")).json();
      const aggregators = { leader: { url: "/", key: leader }, ...(helper && { helper: { key: helper } }) };
      const whole = {
        task: "demo",
        aggregators,
        policy,
        backend: "scalar",
        schedule: "manual",
        allowEvictable: true,
        ...options,
      };
      const worker = "/worker.js";
      if (options["worker"] === "here") Object.assign(whole, { worker: (await import(worker)).serve });
      try {
        const personalizer: Personalizer = await createPersonalizer(whole);
        Object.assign(globalThis, { personalizer, items });
        if (consent) await personalizer.consent({ personalise: true, contribute: true, ...consent });
        return "open";
      } catch (error) {
        return (error as { code: string }).code;
      }
    },
    { items, policy, options, consent },
  );
}

/** Calls a method of the page's personalizer, or of its audit; what it gave, or the code of its refusal. */
export async function call<T>(page: Page, method: string, ...args: unknown[]): Promise<T> {
  return page.evaluate(
    async ({ method, args }) => {
      const { personalizer } = globalThis as unknown as Global;
      const plain = (part: unknown): unknown =>
        ArrayBuffer.isView(part) ? Array.from(part as Uint8Array) : Array.isArray(part) ? part.map(deep) : part;
      const deep = (value: unknown): unknown =>
        value && Object.getPrototypeOf(value) === Object.prototype
          ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, deep(part)]))
          : plain(value);
      const [name = "", own] = method.split(".").reverse();
      const on = (own ? personalizer.audit : personalizer) as unknown as Record<
        string,
        (...args: unknown[]) => unknown
      >;
      try {
        return deep(await on[name]!(...args)) as never;
      } catch (error) {
        return ((error as { code?: string }).code ?? String(error)) as never;
      }
    },
    { method, args },
  );
}

/** All is loaded that it takes to contribute: after this, a server may go away. */
export async function loaded(page: Page): Promise<void> {
  await call(page, "audit.statement");
}

/** Unfolds everything in there, and what comes to light by it. */
export async function unfold(within: Locator): Promise<void> {
  const folded = within.locator("details:not([open]) > summary").first();
  // The page hears of an unfolding by an event, and renders what is inside after it.
  const hollow = within.locator("details[open]:not(:has(> .unfolded))").first();
  while (await folded.count()) {
    await folded.click();
    await hollow.waitFor({ state: "detached" });
  }
}

/** Sees all items, and clicks on some. */
export async function browse(page: Page, clicks: number[]): Promise<void> {
  await page.evaluate(async (clicks) => {
    const { personalizer, items } = globalThis as unknown as Global;
    for (const item of items) await personalizer.record({ kind: "impression", item });
    for (const n of clicks) await personalizer.record({ kind: "click", item: items[n]! });
  }, clicks);
}

export const order = (page: Page) =>
  page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    return (await personalizer.rerank(items)).items.map(({ id }) => id);
  });

/** What is in the database, each value as bytes; a key that scripts cannot read is a word. */
export const stored = (page: Page) =>
  page.evaluate(async () => {
    const opened = indexedDB.open("privet");
    await new Promise((resolve) => opened.addEventListener("success", resolve));
    const all: Record<string, Record<string, number[] | string>> = {};
    const names = [...opened.result.objectStoreNames];
    const transaction = opened.result.transaction(names);
    for (const name of names) {
      const cursor = transaction.objectStore(name).openCursor();
      const rows: Record<string, number[] | string> = (all[name] = {});
      cursor.addEventListener("success", () => {
        if (!cursor.result) return;
        const { key, value } = cursor.result;
        rows[String(key)] = value instanceof Uint8Array ? Array.from(value) : `extractable: ${value.extractable}`;
        cursor.result.continue();
      });
    }
    await new Promise((resolve) => transaction.addEventListener("complete", resolve));
    opened.result.close();
    return all;
  });

/** Puts a value into the database, or takes it away, behind the package's back. */
export async function meddle(page: Page, shelf: string, key: string, value?: number[]): Promise<void> {
  await page.evaluate(
    async ({ shelf, key, value }) => {
      const opened = indexedDB.open("privet");
      await new Promise((resolve) => opened.addEventListener("success", resolve));
      const transaction = opened.result.transaction(shelf, "readwrite");
      if (value) transaction.objectStore(shelf).put(new Uint8Array(value), key);
      else transaction.objectStore(shelf).delete(key);
      await new Promise((resolve) => transaction.addEventListener("complete", resolve));
      opened.result.close();
    },
    { shelf, key, value },
  );
}
