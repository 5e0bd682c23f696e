// The audit's element on a page of its own, on real servers and in a real browser, and what a reader does with it.

import { beforeEach } from "node:test";
import type { Request } from "playwright-core";
import type { PrivetAudit } from "../../web/audit/index.ts";
import { Server } from "../harness.ts";
import { prepare } from "./site.ts";
import { type Device, stage } from "./stage.ts";

/** What a file of tests stands on; each of them has a device that was never here, on the page with the element. */
export function audit() {
  const on = stage({
    pages: "built",
    mode: "split",
    path: "alone.html",
    device: { reducedMotion: "reduce", permissions: ["clipboard-read", "clipboard-write"] },
  });
  beforeEach(ready);

  /** A device that was never here, on the page with nothing but the element. */
  async function fresh(device: Device = {}): Promise<void> {
    await on.fresh(device);
    await ready();
  }

  async function ready(): Promise<void> {
    on.context.setDefaultTimeout(10_000);
    await on.page.locator("body[data-ready]").waitFor();
  }

  const element = () => on.page.locator("privet-audit");
  const section = () => element().locator(".section");
  const rows = (name: string) => element().locator(`table[data-name="${name}"] tbody tr`);

  async function browse(): Promise<void> {
    await on.page.click("#browse");
    await on.page.locator("#browse:enabled").waitFor();
  }

  /** Reads something, and sends what came of it; waits until the element has it. */
  async function contribute(): Promise<void> {
    const before = await element().locator(".sendings > li").count();
    await on.page.click("#browse");
    await on.page.click("#contribute");
    await element()
      .locator(`.sendings > li:nth-child(${before + 1}) .answer:not(.open)`)
      .waitFor();
  }

  /** Contributes to two rounds, each of which takes two devices: another one closes the first. */
  async function contributeTwice(listen: (request: Request) => void = () => undefined): Promise<void> {
    await on.server.end();
    on.server = await Server.start(undefined, "split", ["--min-cohort", "2"]);
    await fresh();
    on.context.on("request", listen);
    await contribute();
    const other = await on.browser.newContext();
    await prepare(other);
    const device = await other.newPage();
    await device.goto(`${on.server.address}/alone.html`);
    await device.locator("body[data-ready]").waitFor();
    await device.click("#contribute");
    while (!(await fetch(`${on.server.address}/v1/tasks/demo/rounds/2/aggregate`)).ok) await device.waitForTimeout(100);
    await other.close();
    await contribute();
  }

  async function copied<T>(caption: string | RegExp): Promise<T> {
    await element().getByRole("button", { name: caption }).first().click();
    await element().locator("[role=status]", { hasText: "Copied as JSON" }).waitFor({ state: "attached" });
    return JSON.parse(await on.page.evaluate(() => navigator.clipboard.readText())) as T;
  }

  /** What the package's audit says, bytes in hexadecimal. */
  const asked = <T>(call: "ledger" | "log" | "preview" | "export" | "status" | "fields") =>
    on.page.evaluate(async (call) => {
      const { personalizer } = document.querySelector("privet-audit") as PrivetAudit;
      if (!personalizer) throw new Error("there is no personalizer");
      const { audit } = personalizer;
      const last = async () => {
        const { bytes, signed } = (await audit.log()).at(-1)!;
        return audit.inspect("upload", bytes, signed);
      };
      const value =
        call === "fields" ? await last() : call === "status" ? await personalizer.status() : await audit[call]();
      const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return JSON.parse(
        JSON.stringify(value, (_, part) =>
          part instanceof Uint8Array ? hex(part) : ArrayBuffer.isView(part) ? Array.from(part as Int32Array) : part,
        ),
      ) as never;
    }, call) as Promise<T>;

  return { on, fresh, ready, element, section, rows, browse, contribute, contributeTwice, copied, asked };
}
