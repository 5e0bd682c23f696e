// How fast a head of 64-32-1 scores and learns in Chromium: our kernels, and other libraries in the same page and run.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, required, Server } from "../harness.ts";

const ROUNDS = 300;

type Samples = Record<string, number[]>;

interface Measured {
  score200: Samples;
  score10k: Samples;
  step: Samples;
  missing: string[];
}

/** What each peer took elsewhere at most, in ms. One that takes twice that is not set up as its own users would. */
const AT_MOST: Record<string, Partial<Record<string, number>>> = {
  score200: { "ONNX Runtime Web wasm": 0.15, "jax-js wasm": 0.24, "TF.js wasm": 0.32 },
  step: { "jax-js wasm": 0.39, "TF.js wasm": 1.3 },
};

const [server, browser] = await Promise.all([Server.start(), launch({ gpu: false })]);
try {
  const page = await browser.newPage();
  await page.goto(server.address);
  await page.waitForFunction("globalThis.measured");
  const measured = (await page.evaluate(`measured(${ROUNDS})`)) as Measured;
  if (measured.missing.length > 0) throw new Error(`missing: ${measured.missing.join(", ")}`);

  const lines: string[] = [];
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const figure = (id: string, unit: string, value: number, n: number) => {
    const [rounded, commit] = [Number(value.toPrecision(4)), process.env["PRIVET_COMMIT"]];
    lines.push(JSON.stringify({ id, value: rounded, unit, n, commit, command: "cargo xtask bench ranking" }));
    process.stdout.write(`${id.padEnd(36)} ${rounded} ${unit}\n`);
  };
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
  await mkdir(required("PRIVET_FIGURES"), { recursive: true });
  await writeFile(join(required("PRIVET_FIGURES"), "ranking.jsonl"), `${lines.join("\n")}\n`);
  if (slow.length > 0) throw new Error(`misconfigured, or the machine is busy: ${slow.join("; ")}`);
} finally {
  await browser.close();
  await server.end();
}
