// What a file of page tests stands on: a browser and a server, and for each test a device that was never here.

import { after, before, beforeEach } from "node:test";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { launch, type Mode, Server } from "../harness.ts";
import { prepare, Site } from "./site.ts";

/** A browser's context, and a script before every other of its pages. */
export type Device = BrowserContextOptions & { script?: string };

export interface Wanted {
  /** What the server serves: a bare page over the package, or what the build left for it. */
  pages?: "site" | "built";
  mode?: Mode;
  /** More of the server's flags. */
  flags?: string[];
  /** Without a GPU unless told. */
  browser?: Parameters<typeof launch>[0];
  device?: Device;
  /** Where a device's page goes first; null leaves it blank. */
  path?: string | null;
  /** What the tests of a file have in common: nothing, the server, or the device on it, too. */
  shared?: "nothing" | "server" | "device";
  /** What is done before the first test, with what they share. (Of two hooks Node begins one before the other is over.) */
  once?: (on: Stage) => Promise<unknown>;
}

export class Stage {
  /** Set before the first test, unless the server serves what was built. */
  site!: Site;
  browser!: Browser;
  server!: Server;
  context!: BrowserContext;
  page!: Page;
  readonly #wanted: Wanted;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** Another device that was never here, in place of the one that is; what is not given is as it was wanted. */
  async fresh(device: Device = {}): Promise<void> {
    const { script, ...options } = { ...this.#wanted.device, ...device };
    await this.context?.close();
    this.context = await this.browser.newContext(options);
    await prepare(this.context);
    if (script) await this.context.addInitScript(script);
    const { path = "" } = this.#wanted;
    this.page = path === null ? await this.context.newPage() : await this.tab(path);
  }

  /** One more page of this device, opened at a path of the server's. */
  async tab(path = ""): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(`${this.server.address}/${path}`);
    return page;
  }
}

/** Sets all of it up before the tests of this file, or each of them, and takes it down again. */
export function stage(wanted: Wanted = {}): Stage {
  const { pages = "site", mode = "device", flags = [], browser, shared = "nothing", once } = wanted;
  const on = new Stage(wanted);
  const serve = async () => {
    on.server = await Server.start(on.site?.folder, mode, flags);
  };
  before(async () => {
    if (pages === "site") on.site = await Site.make();
    on.browser = await launch({ gpu: false, ...browser });
    if (shared !== "nothing") await serve();
    if (shared === "device") await on.fresh();
    await once?.(on);
  });
  after(async () => {
    await on.browser.close();
    if (shared !== "nothing") await on.server.end();
    await on.site?.end();
  });
  if (shared === "device") return on;
  beforeEach(async (t) => {
    if (shared === "nothing") await serve();
    // Node's declarations give a hook less than it is called with.
    (t as unknown as { after(end: () => Promise<void>): void }).after(async () => {
      await on.context.close();
      if (shared === "nothing") await on.server.end();
    });
    await on.fresh();
  });
  return on;
}
