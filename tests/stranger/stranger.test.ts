// The wire format is a contract with strangers: a client that shares no line with the package fetches rounds of a real pair of
// aggregators, verifies them, contributes until they close, and comes to the same heads.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { required, Server } from "../harness.ts";
import { Client, contribution, Head, type Round, upload } from "./client.ts";
import { fresh, type Optimiser, step } from "./optimiser.ts";

const COHORT = 10;
const SETTINGS = new URL("../vectors/head/settings.json", import.meta.url).pathname;

/** Tasks by name, each with its optimiser as its operator writes it and as the document says it is meant. */
const OPTIMISERS: Record<string, [string, Optimiser]> = {
  sgd: [`{ kind = "sgd", rate = 0.7, momentum = 0.9 }`, { kind: "sgd", rate: 0.7, momentum: 0.9 }],
  adam: [`{ kind = "adam", rate = 0.01 }`, { kind: "adam", rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 }],
  yogi: [
    `{ kind = "yogi", rate = 0.01, beta1 = 0.5 }`,
    { kind: "yogi", rate: 0.01, beta1: 0.5, beta2: 0.99, epsilon: 1e-3 },
  ],
};
const PLAIN: Optimiser = { kind: "sgd", rate: 1, momentum: 0 };

let folder: string;
let server: Server;
let client: Client;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-stranger-"));
  execFileSync(required("PRIVET_SERVER"), ["head", "start", SETTINGS, join(folder, "first.head"), "--hidden", "12"]);
  const task = (name: string, more: string) => `
    [[task]]
    name = "${name}"
    head = "first.head"
    clip_norm = 0.5
    grid_scale = 16384
    min_cohort = ${COHORT}
    goal = ${COHORT}
    n_max = 100
    delta = 1e-6
    round_s = 3600
    least_round_s = 0
    ${more}`;
  const whole = (optimiser: string) => `mode = "device"\n noise_multiplier = 8.0\n optimiser = ${optimiser}`;
  const tasks = Object.entries(OPTIMISERS).map(([name, [optimiser]]) => task(name, whole(optimiser)));
  const halves = `mode = "split"\n noise_multiplier = 4.0\n part_multiplier = 0.25
    open = true
    optimiser = { kind = "sgd", rate = 1.0 }`;
  await writeFile(join(folder, "tasks.toml"), [...tasks, task("halves", halves)].join("\n"));
  server = await Server.start(folder, "split", ["--tasks", join(folder, "tasks.toml")]);
  client = await Client.meet(server.address);
});

after(async () => {
  await server?.end();
  await rm(folder, { recursive: true });
});

/** Uploads of this many devices; the sum of what they sent, in grid units. */
async function contributed(round: Round, devices: number): Promise<Float64Array> {
  const sum = new Float64Array(round.dimension);
  for (let device = 1; device <= devices; device++) {
    const gradient = sum.map((_, at) => Math.sin(device + at));
    const entries = contribution(round, gradient);
    const id = randomBytes(16);
    const reply = await client.put(round, id, upload(round, id, entries));
    assert.equal(reply.status, 201, await reply.clone().text());
    assert.deepEqual(await reply.json(), { round: round.number, count: device, min_cohort: COHORT });
    for (const [at, entry] of entries.entries()) sum[at] = (sum[at] ?? 0) + entry;
  }
  return sum;
}

/** The round after this one, when it is open. */
async function next(round: Round): Promise<Round> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await client.round(round.task, round.mode).catch(() => round);
    if (open.number > round.number) return open;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the round does not close within 10 s");
}

for (const [task, [, optimiser]] of Object.entries(OPTIMISERS)) {
  test(`two rounds of ${task} are recomputed bit for bit from what was uploaded`, async () => {
    let round = await client.round(task, "device");
    assert.deepEqual([round.number, round.minCohort, round.leader.name], [1, COHORT, "Example Ltd"]);
    const memory = fresh(round.dimension);
    for (const number of [1, 2]) {
      const head = new Head(await client.head(round.head));
      const sum = await contributed(round, COHORT);
      const parameters = step(
        optimiser,
        memory,
        head.parameters,
        sum.map((entry) => entry / (COHORT * round.gridScale)),
      );
      const open = await next(round);
      assert.ok((await client.head(open.head)).equals(head.with(parameters)), `round ${number}`);
      const manifest = { task, round: number, head: open.head, previous: round.head, count: COHORT };
      assert.deepEqual(await client.manifest(open.head, "device"), manifest);
      round = open;
    }
  });
}

test("halves are summed apart, and what is opened differs from their sum by the noise of two aggregators", async () => {
  const round = await client.round("halves", "split");
  assert.equal(round.helper?.name, "Example Ltd", "one runs both here, and both have signed that");
  const head = new Head(await client.head(round.head));
  const sum = await contributed(round, COHORT);
  const open = await next(round);
  const manifest = { task: "halves", round: 1, head: open.head, previous: round.head, count: COHORT };
  assert.deepEqual(await client.manifest(open.head, "split"), manifest);
  const after = new Head(await client.head(open.head));
  const unit = COHORT * round.gridScale;
  // Rounded to float32, which is far less than the noise.
  const noise = after.parameters.map(
    (parameter, at) => ((head.parameters[at] ?? 0) - parameter) * unit - (sum[at] ?? 0),
  );
  const deviation = Math.SQRT2 * round.noiseMultiplier * Math.floor(round.clipNorm * round.gridScale);
  const ratio = noise.reduce((all, x) => all + (x / deviation) ** 2, 0) / round.dimension;
  // A mean of 271 squares of normal numbers is six of its deviations away once in ten million runs (Wilson and Hilferty
  // 1931: 5.2 deviations of their cube root above, 7.5 below).
  assert.ok(Math.abs(ratio - 1) < 6 * Math.sqrt(2 / round.dimension), `${ratio} over ${round.dimension}`);
  const exact = step(
    PLAIN,
    fresh(round.dimension),
    head.parameters,
    sum.map((entry) => entry / unit),
  );
  assert.ok(!(await client.head(open.head)).equals(head.with(exact)), "nobody is given the sum itself");
});

test("what the document says is refused is refused as it says", async () => {
  const round = await client.round("halves", "split");
  const id = randomBytes(16);
  const body = upload(round, id, contribution(round, new Float64Array(round.dimension)));
  const refused = async (reply: Response) => [reply.status, ((await reply.json()) as { code: string }).code];
  const longer = Buffer.concat([body, Buffer.from([0])]);
  assert.deepEqual(await refused(await client.put(round, id, longer)), [413, "body-too-large"]);
  const zeros = Buffer.alloc(16);
  assert.deepEqual(await refused(await client.put(round, zeros, body)), [400, "upload-id-mismatch"]);
  assert.deepEqual(await refused(await client.put({ ...round, number: 9 }, id, body)), [404, "round-unknown"]);
  // In `device` mode an entry that clipping and noise never make is refused; in halves nobody sees it.
  const whole = await client.round("adam", "device");
  const large = contribution(whole, new Float64Array(whole.dimension));
  large[0] = 2 ** 30;
  assert.deepEqual(await refused(await client.put(whole, id, upload(whole, id, large))), [400, "entry-too-large"]);
  const reply = await client.put(round, id, body);
  assert.equal(reply.status, 201);
  assert.equal((await client.put(round, id, body)).status, 200, "the same bytes again");
  const other = upload(round, id, contribution(round, new Float64Array(round.dimension)));
  assert.deepEqual(await refused(await client.put(round, id, other)), [409, "upload-conflict"]);
  assert.deepEqual(await client.progress("halves", round.number), {
    round: round.number,
    count: 1,
    min_cohort: COHORT,
  });
  const upper = `${server.address}/v1/heads/${round.head.toString("hex").toUpperCase()}`;
  assert.equal((await fetch(upper)).status, 404, "hexadecimal is in lower case");
});
