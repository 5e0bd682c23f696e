// Contributions that need blind tokens: a page, its backend, an issuer behind that, a leader and a helper.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launch, Server } from "../harness.ts";
import { AT_ONCE, call, open, prepare, Site } from "./site.ts";

const POLICY = { ...AT_ONCE, minCohort: 3 };
const SECRET = "a secret of the backend's, 32 characters or more";

const privet = process.env["PRIVET_SERVER"] ?? "";

/** An issuer with one account's quota of three. */
async function issuing(folder: string) {
  const key = execFileSync(privet, ["issuer", "key", join(folder, "issuer.key")])
    .toString()
    .trim();
  const files = ["--key", join(folder, "issuer.key"), "--store", join(folder, "issuer.sqlite")];
  const quota = ["--per-interval", "3", "--listen", "127.0.0.1:0"];
  const env = { ...process.env, PRIVET_ISSUER_SECRET: SECRET };
  const child = spawn(privet, ["issuer", "serve", ...files, ...quota], { env });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { key, url: line.toString().match(/http:\S+/)?.[0] ?? "", child };
}

/** The terms of the task with the head that a server has without any. */
async function tasksIn(folder: string, pages: string, key: string): Promise<string> {
  const plain = await Server.start(pages, "device");
  const signed = new Uint8Array(await (await fetch(`${plain.address}/v1/tasks/demo/round`)).arrayBuffer());
  // The head's hash follows the deadline, as 32 bytes; the only ones in a round before the leader's key.
  const at = Buffer.from(signed).indexOf(Buffer.from([0x58, 0x20]), 4);
  const hash = Buffer.from(signed.slice(at + 2, at + 34)).toString("hex");
  const head = await (await fetch(`${plain.address}/v1/heads/${hash}`)).arrayBuffer();
  await plain.end();
  await writeFile(join(folder, "first.head"), Buffer.from(head));
  const task = `[[task]]
    name = "demo"
    mode = "split"
    head = "first.head"
    clip_norm = 1.0
    grid_scale = 16384
    noise_multiplier = 4.0
    part_multiplier = 0.25
    min_cohort = 3
    goal = 100
    round_s = 604800
    n_max = 10000
    delta = 1e-6
    ${key}
    optimiser = { kind = "sgd", rate = 1.0, momentum = 0.0 }`;
  await writeFile(join(folder, "tasks.toml"), task);
  return join(folder, "tasks.toml");
}

test("an account's tokens are asked for ahead and blinded, and each goes with one upload", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "privet-tokens-"));
  const site = await Site.make();
  const issuer = await issuing(folder);
  const server = await Server.start(site.folder, "split", ["--tasks", await tasksIn(folder, site.folder, issuer.key)]);
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await server.end();
    issuer.child.kill();
    await site.end();
    await rm(folder, { recursive: true });
  });
  const context = await browser.newContext();
  await prepare(context);
  const page = await context.newPage();
  const [posted, answered]: Buffer[][] = [[], []];
  await page.route("**/privet-tokens", async (route) => {
    const body = route.request().postDataBuffer() ?? Buffer.alloc(0);
    const headers = { authorization: `Bearer ${SECRET}`, "privet-account": "7f3a" };
    const reply = await fetch(`${issuer.url}/v1/tokens`, { method: "POST", headers, body: new Uint8Array(body) });
    const signed = Buffer.from(await reply.arrayBuffer());
    posted?.push(body);
    answered?.push(signed);
    await route.fulfill({ status: reply.status, body: signed });
  });
  const tokens: (string | undefined)[] = [];
  page.on("request", (request) => {
    if (request.method() === "PUT") tokens.push(request.headers()["privet-token"]);
  });
  await page.goto(server.address);
  // Nobody who signs: refused before anything is debited.
  assert.equal(await open(page, { policy: POLICY, allowEvictable: true }), "open");
  assert.equal(await call(page, "contribute"), "token-missing");
  assert.deepEqual([await call(page, "audit.ledger"), tokens], [[], []]);
  await call(page, "close");
  // A request that nobody answers goes out again with its token.
  await page.route("**/uploads/*", (route) => route.abort());
  assert.equal(await open(page, { policy: POLICY, tokens: "/privet-tokens" }), "open");
  assert.equal(await call(page, "contribute"), "server-unreachable");
  await page.unroute("**/uploads/*");
  assert.equal((await call<{ count: number }>(page, "contribute")).count, 1);
  assert.equal((await call<{ keeping: string }>(page, "status")).keeping, "tokens");
  assert.deepEqual([posted?.length, posted?.[0]?.length, answered?.[0]?.length], [1, 4 * 256, 3 * 256]);
  assert.deepEqual([tokens.length, tokens[0] === tokens[1]], [2, true]);
  // Nothing of a token was seen by whoever signed it.
  const seen = Buffer.concat([...(posted ?? []), ...(answered ?? [])]).toString("hex");
  const [token = ""] = tokens;
  assert.equal(token.length, 2 * 354);
  assert.ok(!seen.includes(token.slice(4, 68)) && !seen.includes(token.slice(-64)));
  // The quota is spent, whatever a browser forgets: nothing is debited.
  const fresh = await browser.newContext();
  await prepare(fresh);
  const again = await fresh.newPage();
  await again.route("**/privet-tokens", async (route) => {
    const headers = { authorization: `Bearer ${SECRET}`, "privet-account": "7f3a" };
    const body = new Uint8Array(route.request().postDataBuffer() ?? Buffer.alloc(0));
    const reply = await fetch(`${issuer.url}/v1/tokens`, { method: "POST", headers, body });
    await route.fulfill({ status: reply.status, body: Buffer.from(await reply.arrayBuffer()) });
  });
  await again.goto(server.address);
  assert.equal(await open(again, { policy: POLICY, tokens: "/privet-tokens" }), "open");
  assert.equal(await call(again, "contribute"), "token-missing", "another browser is the same account");
  assert.deepEqual(await call(again, "audit.ledger"), []);
});
