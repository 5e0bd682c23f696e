// What privacy costs in Chromium: the release path as it ships, and Prio3SumVec of the crate `prio` in the same page.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, required, Server } from "../harness.ts";

const ROUNDS = 60;
/** One epsilon is far shorter than the clock's tick. */
const EPSILONS = 1000;

interface Samples {
  epsilon: number[];
  noise: number[];
  upload: number[];
  bytes: number;
  ours: number[];
  theirs: number[];
  oursBytes: number;
  theirsBytes: number;
}

/** Runs in the page. Ours and theirs take turns, so that a slow moment of the machine meets both. */
async function measure([rounds, epsilons]: readonly [number, number]): Promise<Samples> {
  const module = "/bench.js";
  const { default: init, epsilon, Release, Peer } = await import(module);
  await init();
  const timed = (work: () => void) => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  const large = new Release(4096);
  const small = new Release(1000);
  const peer = new Peer(1000, 16);
  const samples: Samples = {
    epsilon: [],
    noise: [],
    upload: [],
    bytes: 0,
    ours: [],
    theirs: [],
    oursBytes: 0,
    theirsBytes: 0,
  };
  for (let round = -5; round < rounds; round++) {
    const of = (release: typeof large) => {
      release.reserve();
      const clip = timed(() => release.clip());
      const noise = timed(() => release.noise());
      let bytes = new Uint8Array();
      const encode = timed(() => {
        bytes = release.encode();
      });
      return { noise, upload: clip + noise + encode, bytes: bytes.length };
    };
    const ours4096 = of(large);
    const ours = of(small);
    let sent = new Uint8Array();
    const theirs = timed(() => {
      sent = peer.upload();
    });
    let sum = 0;
    const each = timed(() => {
      for (let n = 1; n <= epsilons; n++) sum += epsilon(n * 1_000_000, 1e-6);
    });
    if (!(sum > 0)) throw new Error("an epsilon is no number");
    if (round < 0) continue; // warms up
    samples.epsilon.push(each / epsilons);
    samples.noise.push(ours4096.noise);
    samples.upload.push(ours4096.upload);
    samples.bytes = ours4096.bytes;
    samples.ours.push(ours.upload);
    samples.theirs.push(theirs);
    samples.oursBytes = ours.bytes;
    samples.theirsBytes = sent.length;
  }
  return samples;
}

const [server, browser] = await Promise.all([Server.start(), launch({ gpu: false })]);
try {
  const page = await browser.newPage();
  await page.goto(server.address);
  // tsx keeps the names of functions by a helper that a page does not have.
  await page.evaluate("globalThis.__name = (named) => named");
  const samples = await page.evaluate(measure, [ROUNDS, EPSILONS] as const);
  const lines: string[] = [];
  const figure = (id: string, unit: string, values: number[], also: object = {}) => {
    const sorted = [...values].sort((a, b) => a - b);
    const quantile = (share: number) => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
    const [value, p10, p90] = [0.5, 0.1, 0.9].map((share) => Number(quantile(share).toPrecision(6)));
    const commit = process.env["PRIVET_COMMIT"];
    const command = "cargo xtask bench privacy";
    lines.push(JSON.stringify({ id, value, unit, n: values.length, p10, p90, ...also, commit, command }));
    process.stdout.write(`${id.padEnd(24)} ${value} ${unit}   (p10 ${p10}, p90 ${p90}, n ${values.length})\n`);
  };
  const peer = `prio ${required("PRIVET_PEER")}`;
  figure("epsilon_ms", "ms", samples.epsilon);
  figure("noise_4096_ms", "ms", samples.noise);
  figure("upload_4096_ms", "ms", samples.upload);
  figure("upload_4096_bytes", "bytes", [samples.bytes]);
  figure("upload_1000x16_ms", "ms", samples.ours);
  figure("upload_1000x16_bytes", "bytes", [samples.oursBytes]);
  figure("prio3_1000x16_ms", "ms", samples.theirs, { peer });
  figure("prio3_1000x16_bytes", "bytes", [samples.theirsBytes], { peer });
  const ratios = samples.ours.map((ours, round) => ours / (samples.theirs[round] ?? Number.NaN));
  figure("upload_1000x16_ratio", "ours / Prio3SumVec", ratios, { peer });
  await mkdir(required("PRIVET_FIGURES"), { recursive: true });
  await writeFile(join(required("PRIVET_FIGURES"), "privacy.jsonl"), `${lines.join("\n")}\n`);
} finally {
  await browser.close();
  await server.end();
}
