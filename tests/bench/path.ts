// How long each stage of the thin path takes in Chromium, shaders beside their twins: medians over fresh contributions.

import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, noGpu, required, Server } from "../harness.ts";
import { browse, call, open, prepare, Site } from "../page/site.ts";
import type { Receipt } from "../../web/ts/index.ts";

/** The lifetime budget pays for 33 contributions; the first warms everything up. */
const ROUNDS = 32;

type Timed = Pick<Receipt, "gradientMs" | "releaseMs" | "sendMs"> & { bytes: number };

const site = await Site.make();
const [server, browser] = await Promise.all([Server.start(site.folder, "split"), launch()]);
const file = join(required("PRIVET_FIGURES"), "path.jsonl");

async function measured(backend: "scalar" | "simd" | "webgpu"): Promise<Timed[]> {
  const context = await browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  await page.goto(server.address);
  await open(page, { backend });
  const receipts: Timed[] = [];
  for (let n = 0; n <= ROUNDS; n++) {
    await browse(page, [3]);
    const { gradientMs, releaseMs, sendMs, bytes } = await call<Receipt>(page, "contribute");
    if (n > 0) receipts.push({ gradientMs, releaseMs, sendMs, bytes: bytes.length });
  }
  await context.close();
  return receipts;
}

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
