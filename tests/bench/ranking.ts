// How fast a head of 64-32-1 scores and learns in Chromium: our kernels, and other libraries in the same page and run.

import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Choices } from "./peers/choice.ts";
import type { Crossing } from "./peers/crossover.ts";
import { launch, noGpu, required, Server } from "../harness.ts";

const ROUNDS = 300;

type Samples = Record<string, number[]>;

interface Measured {
  score200: Samples;
  score10k: Samples;
  step: Samples;
  whole: {
    simd: boolean;
    rerank: Record<string, number[]>;
    thousand: number[];
    epoch: number[];
    pairs: number;
  };
  kernels: Record<string, { flop: number; ms: number[] }>;
  missing: string[];
}

/** What each peer took elsewhere at most, in ms. One that takes twice that is not set up as its own users would. */
const AT_MOST: Record<string, Partial<Record<string, number>>> = {
  score200: { "ONNX Runtime Web wasm": 0.15, "jax-js wasm": 0.24, "TF.js wasm": 0.32 },
  step: { "jax-js wasm": 0.39, "TF.js wasm": 1.3 },
};

/**
 * Where shaders and kernels are measured beside each other: features and hidden units of a head (that of the other figures, and
 * the widest that there may be with as many features and with the fewest), examples of a step, and candidates.
 */
const NETS: [number, number][] = [
  [64, 32],
  [64, 60],
  [15, 240],
];
const BATCHES = [8, 32, 128];
const CANDIDATES = [200, 1000, 10_000];
const CROSSINGS = 3;
/** How often it is found out for each of these heads which is quicker. */
const CHOICES = 9;

/** Heads over embeddings of both lengths, and those of the table, as the command makes them. */
const folder = join(required("PRIVET_PAGES"), "heads");
await mkdir(folder, { recursive: true });
for (const embedding of [64, 384]) await makeHead(String(embedding), embedding, 64, 32, 8);
for (const [features, hidden] of NETS) {
  for (const batch of BATCHES) await makeHead(`${features}-${hidden}-${batch}`, 64, features, hidden, batch);
}

async function makeHead(as: string, embedding: number, features: number, hidden: number, batch: number): Promise<void> {
  const names = (count: number, name: string) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
  // 15 are every profile's, and 3 each attribute's.
  const [numbers, values] = features === 64 ? [40, 3] : [0, 0];
  const dense = names(numbers, "number").map((name) => ({ name, offset: 0, scale: 1 }));
  const attributes = names(values, "attribute").map((name) => ({ name, rate: 0.03, strength: 20 }));
  const kinds = [{ name: "click", label: 1, weight: 1, full: 0 }];
  const settings = {
    schema: { version: 1, embedding, dense, attributes, kinds },
    ...{ kappa: 2, eta: 1 },
    local: { steps: 8, batch, rate: 0.05, pull: 200, personal_rate: 0.1, personal_pull: 50 },
    upload: { epochs: 1, rate: 1 },
    facts: "for the bench",
  };
  const [from, to] = ["json", "head"].map((kind) => join(folder, `${as}.${kind}`)) as [string, string];
  await writeFile(from, JSON.stringify(settings));
  execFileSync(required("PRIVET_SERVER"), ["head", "start", from, to, "--hidden", String(hidden)]);
}

const [server, browser] = await Promise.all([Server.start(), launch({ gpu: false })]);
try {
  const page = await browser.newPage();
  await page.goto(server.address);
  await page.waitForFunction("globalThis.measured");
  const measured = (await page.evaluate(`measured(${ROUNDS})`)) as Measured;
  if (measured.missing.length > 0) throw new Error(`missing: ${measured.missing.join(", ")}`);

  const lines: string[] = [];
  const figure = (id: string, unit: string, value: number, n: number) => {
    const [rounded, commit] = [Number(value.toPrecision(4)), process.env["PRIVET_COMMIT"]];
    lines.push(JSON.stringify({ id, value: rounded, unit, n, commit, command: "cargo xtask bench ranking" }));
    process.stdout.write(`${id.padEnd(36)} ${rounded} ${unit}\n`);
  };
  process.stdout.write(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model}\n`);
  const { simd, rerank, thousand, epoch, pairs } = measured.whole;
  process.stdout.write(`the module that ships ranks by ${simd ? "simd128" : "scalar"}\n`);
  for (const [d, values] of Object.entries(rerank)) {
    figure(d === "64" ? "rerank_200_ms" : `rerank_200_ms_${d}`, "ms", median(values), values.length);
  }
  figure("cpu_ms_per_1000_predictions", "ms", median(thousand), thousand.length);
  figure("epoch_25k_ms", `ms for ${pairs} pairs`, median(epoch), epoch.length);
  for (const [name, { flop, ms }] of Object.entries(measured.kernels)) {
    figure(`${name} ms`, "ms", median(ms), ms.length);
    figure(`${name} rate`, "GFLOP/s", flop / median(ms) / 1e6, ms.length);
  }
  const slow: string[] = [];
  for (const what of ["score200", "score10k", "step"] as const) {
    const medians = new Map(Object.entries(measured[what]).map(([name, values]) => [name, median(values)]));
    for (const [name, value] of medians) {
      figure(`${what}: ${name}`, "ms", value, measured[what][name]?.length ?? 0);
      if (value > 2 * (AT_MOST[what]?.[name] ?? Number.POSITIVE_INFINITY))
        slow.push(`${name} took ${value} ms (${what})`);
    }
    const best = Math.min(...[...medians].filter(([name]) => !name.startsWith("privet")).map(([, value]) => value));
    const ratio = (name: string) => (medians.get(name) ?? Number.NaN) / best;
    const id = { score200: "score_200_ratio", score10k: "score_10k_ratio", step: "sgd_step_ratio" }[what];
    figure(id, "ours / best peer", ratio("privet relaxed"), ROUNDS);
    figure(`${id}_simd128`, "ours / best peer", ratio("privet simd128"), ROUNDS);
  }
  if (!noGpu) lines.push(...(await crossed()));
  await mkdir(required("PRIVET_FIGURES"), { recursive: true });
  await writeFile(join(required("PRIVET_FIGURES"), "ranking.jsonl"), `${lines.join("\n")}\n`);
  if (slow.length > 0) throw new Error(`misconfigured, or the machine is busy: ${slow.join("; ")}`);
} finally {
  await browser.close();
  await server.end();
}

/** The table of shaders and kernels, in a browser with WebGPU. */
async function crossed(): Promise<string[]> {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(server.address);
    await page.waitForFunction("globalThis.crossover");
    const adapter = await page.evaluate(async () => {
      const { vendor, architecture, description } = (await navigator.gpu.requestAdapter())?.info ?? {};
      return [vendor, architecture, description].filter(Boolean).join(" ");
    });
    const args = [NETS, BATCHES, CANDIDATES, CROSSINGS].map((part) => JSON.stringify(part)).join();
    const crossings = (await page.evaluate(`crossover(${args})`)) as Crossing[];
    const peers = (await page.evaluate(`shaders(${CROSSINGS})`)) as Pick<Measured, "score200" | "score10k" | "step">;
    const from = {
      ...{ adapter, emulated: /swiftshader|llvmpipe/.test(adapter) },
      ...{ commit: process.env["PRIVET_COMMIT"], command: "cargo xtask bench ranking" },
    };
    const others = Object.entries(peers).flatMap(([what, samples]) =>
      Object.entries(samples).map(([name, values]) => {
        const value = Number(median(values).toPrecision(4));
        return JSON.stringify({ id: `${what}: ${name}`, value, unit: "ms", n: values.length, ...from });
      }),
    );
    const rows = crossings.map((crossing) => {
      const [simd, webgpu] = [crossing.simd, crossing.webgpu].map((values) => Number(median(values).toPrecision(4)));
      return JSON.stringify({ id: "crossover", where: "page", ...crossing, simd, webgpu, ...from });
    });
    const chosen: string[] = [];
    for (const [features, hidden] of NETS) {
      for (const batch of BATCHES) {
        const [head, columns] = [`${features}-${hidden}-${batch}`, features === 64 ? [40, 3] : [0, 0]];
        const { ms, chosen: stands } = (await page.evaluate(
          `choices("${head}", ${JSON.stringify(columns)}, ${CHOICES})`,
        )) as Choices;
        const [value, stand] = [Number(median(ms).toPrecision(4)), [...new Set(stands)].join()];
        chosen.push(JSON.stringify({ id: "choice_ms", head, value, unit: "ms", n: ms.length, stand, ...from }));
      }
    }
    for (const line of [...others, ...rows, ...chosen]) process.stdout.write(`${line}\n`);
    return [...others, ...rows, ...chosen];
  } finally {
    await browser.close();
  }
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
