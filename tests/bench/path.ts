// How long each stage of the thin path takes in Chromium, shaders beside their twins: medians over fresh contributions.

import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, noGpu, required, Server } from "../harness.ts";
import type { Page } from "playwright-core";
import type { Personalizer, Receipt } from "../../web/ts/index.ts";
import { AT_ONCE, ITEMS, prepare, Site } from "../page/site.ts";

/** The first warms everything up. */
const CONTRIBUTIONS = 32;

type Timed = Pick<Receipt, "gradientMs" | "releaseMs" | "sendMs"> & { bytes: number };

const site = await Site.make();
const [server, browser] = await Promise.all([Server.start(site.folder, "split"), launch()]);
const file = join(required("PRIVET_FIGURES"), "path.jsonl");

async function measured(backend: "scalar" | "simd" | "webgpu"): Promise<Timed[]> {
  const context = await browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  await page.goto(server.address);
  const receipts: Timed[] = [];
  for (let n = 0; n <= CONTRIBUTIONS; n++) {
    const receipt = await contributed(page, backend);
    if (n > 0) receipts.push(receipt);
  }
  await context.close();
  return receipts;
}

/** By a device of its own, for a round takes one upload of each; all in one page, so that its code is warm. */
const contributed = (page: Page, backend: string): Promise<Timed> =>
  page.evaluate(
    async ({ backend, policy, items }) => {
      const [entry, kept] = ["/index.js", "/worker.js"];
      const { createPersonalizer } = await import(entry);
      const { MemoryStore } = await import(kept);
      const { leader, helper } = await (await fetch("/v1/identity")).json();
      const aggregators = { leader: { url: "/", key: leader }, helper: { key: helper } };
      const storage = Object.assign(new MemoryStore(), { lasting: true });
      const how = { backend, policy, storage, schedule: "manual", allowEvictable: true };
      const personalizer: Personalizer = await createPersonalizer({ task: "demo", aggregators, ...how });
      await personalizer.consent({ personalise: true, contribute: true });
      for (const item of items) await personalizer.record({ kind: "impression", item });
      await personalizer.record({ kind: "click", item: items[3]! });
      const { gradientMs, releaseMs, sendMs, bytes } = await personalizer.contribute();
      await personalizer.close();
      return { gradientMs, releaseMs, sendMs, bytes: bytes.length };
    },
    { backend, policy: AT_ONCE, items: ITEMS },
  );

function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
}

async function figure(id: string, unit: string, values: number[]): Promise<void> {
  const [value, p10, p90] = [0.5, 0.1, 0.9].map((share) => quantile(values, share));
  const line = {
    id,
    value,
    unit,
    n: values.length,
    p10,
    p90,
    commit: process.env["PRIVET_COMMIT"],
    command: "cargo xtask bench path",
  };
  await appendFile(file, `${JSON.stringify(line)}\n`);
  process.stdout.write(`${id.padEnd(24)} ${value} ${unit}   (p10 ${p10}, p90 ${p90}, n ${values.length})\n`);
}

try {
  await mkdir(required("PRIVET_FIGURES"), { recursive: true });
  await writeFile(file, "");
  const scalar = await measured("scalar");
  await figure(
    "gradient_scalar_ms",
    "ms",
    scalar.map((receipt) => receipt.gradientMs),
  );
  const simd = await measured("simd");
  await figure(
    "gradient_simd_ms",
    "ms",
    simd.map((receipt) => receipt.gradientMs),
  );
  if (!noGpu) {
    const webgpu = await measured("webgpu");
    await figure(
      "gradient_webgpu_ms",
      "ms",
      webgpu.map((receipt) => receipt.gradientMs),
    );
  }
  await figure(
    "release_ms",
    "ms",
    scalar.map((receipt) => receipt.releaseMs),
  );
  await figure(
    "send_ms",
    "ms",
    scalar.map((receipt) => receipt.sendMs),
  );
  await figure(
    "upload_bytes",
    "bytes",
    scalar.map((receipt) => receipt.bytes),
  );
} finally {
  await browser.close();
  await server.end();
  await site.end();
}
