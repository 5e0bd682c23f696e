// A real server and a real browser, as `cargo xtask test` names them in the environment.

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export const noGpu = process.env["NO_GPU"] === "1";

/** WebGPU on SwiftShader, a device on the CPU, where the machine has no GPU; and nothing that calls home. */
const FLAGS = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const GPU_FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

export function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this by cargo xtask`);
  return value;
}

const NO_GPU_FLAGS = ["--disable-features=WebGPU", "--disable-gpu"];

/** `kept` keeps pages to come back to, as browsers do and drivers do not; `flags` are more of the browser's own. */
export async function launch({
  gpu = !noGpu,
  simd = true,
  kept = false,
  flags = [] as string[],
} = {}): Promise<Browser> {
  const args = [...FLAGS, ...(gpu ? GPU_FLAGS : NO_GPU_FLAGS), ...flags];
  // A processor without these instructions is one without SIMD, as V8 sees it.
  if (!simd) args.push("--js-flags=--no-enable-sse4-1");
  const ignoreDefaultArgs = kept ? ["--disable-back-forward-cache"] : [];
  const executablePath = required("PRIVET_CHROMIUM");
  return chromium.launch({ executablePath, args, ignoreDefaultArgs, chromiumSandbox: false });
}

/** A browser with a profile on disk, as people have one: its cache holds scripts as they were compiled, too. */
export async function launchKept(folder: string): Promise<BrowserContext> {
  const args = [...FLAGS, ...NO_GPU_FLAGS];
  const executablePath = required("PRIVET_CHROMIUM");
  return chromium.launchPersistentContext(folder, { executablePath, args, chromiumSandbox: false });
}

export interface Count {
  round: number;
  count: number;
  min_cohort: number;
}

/** Who adds the noise: each device all of it, or all devices together for two aggregators. */
export type Mode = "device" | "split";

/** Who runs what, as rounds tell devices: one who runs both, or two. */
const ONE = ["--leader-name", "Example Ltd"];
const TWO = [...ONE, "--helper-name", "Another Ltd"];

/** `privet serve` in a process of its own (a helper beside it in `split`), over stores in a folder of its own. */
export class Server {
  address = "";
  #process: ChildProcess | undefined;
  readonly #folder: string;
  readonly #flags: readonly string[];

  private constructor(folder: string, flags: readonly string[]) {
    this.#folder = folder;
    this.#flags = flags;
  }

  static async start(pages = required("PRIVET_PAGES"), mode: Mode = "device", more: string[] = []): Promise<Server> {
    const flags = [...ONE, "--mode", mode, "--pages", pages, ...more];
    const server = new Server(await mkdtemp(join(tmpdir(), "privet-")), flags);
    await server.up();
    return server;
  }

  /** A leader and a helper as two processes, so that either can be down alone. */
  static async apart(tasks: string): Promise<{ leader: Server; helper: Server }> {
    const folders = {
      leader: await mkdtemp(join(tmpdir(), "privet-")),
      helper: await mkdtemp(join(tmpdir(), "privet-")),
    };
    const key = (role: "leader" | "helper") => {
      const data = join(folders[role], "data");
      const said = execFileSync(required("PRIVET_SERVER"), ["keys", "new", "--role", role, "--data", data]);
      return said.toString().match(/[0-9a-f]{64}/)?.[0] ?? "";
    };
    const [leaderKey, helperKey] = [key("leader"), key("helper")];
    const helper = new Server(folders.helper, [...TWO, "--role", "helper", "--leader-key", leaderKey]);
    await helper.up();
    const checked = ["serve", "--check", ...ONE, "--tasks", tasks];
    const hash = execFileSync(required("PRIVET_SERVER"), checked).toString().split(" ")[0] ?? "";
    const roles = [...TWO, "--role", "leader", "--tasks", tasks, "--pages", required("PRIVET_PAGES")];
    const leader = new Server(folders.leader, [...roles, "--helper", helper.address, "--helper-key", helperKey]);
    await leader.up();
    // Proposed by the leader's first question, and admitted by the helper's operator.
    const admit = ["tasks", "admit", hash, "--data", join(folders.helper, "data")];
    for (let tries = 0; spawnSync(required("PRIVET_SERVER"), admit).status !== 0; tries++) {
      if (tries > 100) throw new Error("the helper does not admit the task");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    while (!(await fetch(`${leader.address}/v1/tasks/feed/round`)).ok) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return { leader, helper };
  }

  /** Starts, or starts again at the address it had. */
  async up(): Promise<void> {
    const listen = this.address ? new URL(this.address).host : "127.0.0.1:0";
    const data = join(this.#folder, "data");
    const args = ["serve", "--listen", listen, "--data", data, ...this.#flags];
    const child = spawn(required("PRIVET_SERVER"), args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#process = child;
    for await (const line of createInterface({ input: child.stdout })) {
      this.address = line.match(/listens on (http:\S+)/)?.[1] ?? "";
      if (this.address) break;
    }
    if (!this.address) throw new Error("the server did not start");
  }

  async down(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  async count(task = "demo", round = 1): Promise<Count> {
    const reply = await fetch(`${this.address}/v1/tasks/${task}/rounds/${round}/aggregate`);
    return (await reply.json()) as Count;
  }

  async end(): Promise<void> {
    await this.down("SIGKILL");
    await rm(this.#folder, { recursive: true });
  }
}

/** The terms of the demo's feed. */
export const DEMO_TASKS = new URL("../demo/task/tasks.toml", import.meta.url).pathname;

/** The demo as `cargo xtask demo` serves it. */
export const serveDemo = () => Server.start(undefined, "split", ["--tasks", DEMO_TASKS]);

/** Opens the demo's page and waits until its stories stand there; what it complains of is kept. */
export async function openDemo(page: Page, address: string): Promise<string[]> {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(address);
  await page.locator("#stories").waitFor({ state: "attached" });
  return complaints;
}
