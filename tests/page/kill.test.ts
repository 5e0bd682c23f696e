// The browser is killed (SIGKILL, all of it) between any two steps of the ledger. On restart the totals are right and the
// bytes that were finished are sent as they are.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { required, Server } from "../harness.ts";
import { browse, call, DIST, open, prepare, Site, stored } from "./site.ts";

let site: Site;
before(async () => {
  site = await Site.make();
});
after(() => site.end());

/** A browser of our own, so that it can be killed, over a profile that outlives it. */
class Mortal {
  page!: Page;
  /** The bodies of the uploads that it began to send. */
  readonly bodies: string[] = [];
  #process!: ChildProcess;
  #browser!: Browser;

  static async start(profile: string): Promise<Mortal> {
    const mortal = new Mortal();
    const flags = ["--headless=new", "--no-sandbox", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"];
    const child = spawn(required("PRIVET_CHROMIUM"), [...flags, `--user-data-dir=${profile}`, "about:blank"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let address = "";
    for await (const line of createInterface({ input: child.stderr })) {
      address = line.match(/ws:\S+/)?.[0] ?? "";
      if (address) break;
    }
    child.stderr.resume();
    mortal.#process = child;
    mortal.#browser = await chromium.connectOverCDP(address);
    const context = mortal.#browser.contexts()[0]!;
    await prepare(context);
    mortal.page = await context.newPage();
    mortal.page.on("request", (request) => {
      if (request.method() === "PUT") mortal.bodies.push(request.postDataBuffer()?.toString("hex") ?? "");
    });
    return mortal;
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
    await this.#browser.close().catch(() => undefined);
  }
}

/** Stops the worker for good at the nth write of the ledger, before it or when it is on disk. */
const stopping = (nth: number, when: "before" | "after") => `
  let writes = 0;
  const put = IDBObjectStore.prototype.put;
  const stop = () => {
    const request = new XMLHttpRequest();
    request.open("GET", "/stopped", false);
    request.send();
  };
  IDBObjectStore.prototype.put = function (value, key) {
    const here = this.name === "ledger" && ++writes === ${nth};
    if (here && "${when}" === "before") stop();
    if (here) this.transaction.addEventListener("complete", stop);
    return put.call(this, value, key);
  };
`;

// The writes of a first contribution: 1 a session begins, 2 time passes, 3 reserved, 4 ready, 5 sent.
const CASES = [
  { at: "before the debit", nth: 3, when: "before", debits: 0, sent: false, finished: false },
  { at: "after the debit, before the noise is stored", nth: 3, when: "after", debits: 1, sent: false, finished: false },
  { at: "before what is finished is stored", nth: 4, when: "before", debits: 1, sent: false, finished: false },
  { at: "after that, before it is sent", nth: 4, when: "after", debits: 1, sent: false, finished: true },
  { at: "after the answer, before that is stored", nth: 5, when: "before", debits: 1, sent: true, finished: true },
  { at: "after that", nth: 5, when: "after", debits: 1, sent: true, finished: false },
] as const;

for (const { at, nth, when, debits, sent, finished } of CASES) {
  test(`killed ${at}`, async () => {
    const server = await Server.start(site.folder);
    const profile = await mkdtemp(join(tmpdir(), "privet-profile-"));
    try {
      const first = await Mortal.start(profile);
      const worker = await readFile(join(DIST, "worker.js"), "utf8");
      await first.page.route("**/worker.js", (route) =>
        route.fulfill({ contentType: "text/javascript", body: stopping(nth, when) + worker }),
      );
      const stopped = new Promise<void>((resolve) => first.page.route("**/stopped", () => resolve()));
      await first.page.goto(server.address);
      await open(first.page);
      await browse(first.page, [3, 3, 3]);
      void call(first.page, "contribute").catch(() => undefined);
      await stopped;
      await first.kill();
      assert.equal((await server.count()).count, sent ? 1 : 0);

      const second = await Mortal.start(profile);
      // Nothing leaves before we have seen what is stored.
      let release: () => void = () => undefined;
      const seen = new Promise<void>((resolve) => (release = resolve));
      await second.page.route("**/uploads/*", async (route) => {
        await seen;
        await route.continue();
      });
      await second.page.goto(server.address);
      assert.equal(await open(second.page, {}, null), "open");
      const ledger = Buffer.from((await stored(second.page))["ledger"]?.["account"] as number[]).toString("hex");
      release();
      const status = await call<{ events: number; rhoSpent: number }>(second.page, "status");
      assert.deepEqual([status.events, status.rhoSpent], [7, debits * 0.03125]);
      if (finished) {
        // At a moment that is drawn: within a minute, which this worker makes three seconds of.
        for (let n = 0; n < 100 && !second.bodies.length; n++) await second.page.waitForTimeout(50);
        assert.equal(second.bodies.length, 1, "it goes out by itself");
        assert.ok(ledger.includes(second.bodies[0] ?? "none"), "it is what was stored");
        if (sent) assert.equal(second.bodies[0], first.bodies[0], "it is what was sent");
      } else assert.equal(second.bodies.length, 0, "there is nothing to send");
      const before = finished || sent ? 1 : 0;
      for (let n = 0; n < 100 && (await server.count()).count !== before; n++) await second.page.waitForTimeout(20);
      assert.equal((await server.count()).count, before, "counted once");
      const again = await call<{ count: number } | string>(second.page, "contribute");
      if (debits) assert.equal(again, "round-contributed", "a debit is for one round, whatever became of it");
      else assert.equal((again as { count: number }).count, 1);
      const after = await call<{ rhoSpent: number }>(second.page, "status");
      assert.equal(after.rhoSpent, 0.03125);
      await second.kill();
    } finally {
      await server.end();
      // A browser that was killed may write a little longer.
      await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  });
}
