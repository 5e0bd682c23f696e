// The quick starts in docs/, as a new user has them: the packed package, one bundler or none, a browser.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { launch, required, Server } from "../harness.ts";

const QUICKSTART = resolve("docs/quickstart");

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "privet-quickstart-"));
});
after(() => rm(folder, { recursive: true }));

/** A quick start's folder in a place of its own, with the package unpacked where npm would put it. */
async function copied(name: string): Promise<string> {
  const site = join(folder, name);
  await cp(join(QUICKSTART, name), site, { recursive: true });
  const modules = join(site, "node_modules");
  await mkdir(modules);
  execFileSync("tar", ["-xzf", required("PRIVET_TARBALL"), "-C", modules]);
  await rename(join(modules, "package"), join(modules, "privet"));
  return site;
}

/** Clicks the last story until it stands first. */
async function worksIn(pages: string): Promise<void> {
  const [server, browser] = await Promise.all([Server.start(pages), launch({ gpu: false })]);
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("requestfailed", (request) => complaints.push(request.url()));
    await page.goto(server.address);
    const stories = page.locator("#feed li");
    await stories.last().waitFor();
    const wanted = (await stories.last().innerText()).trim();
    for (let n = 0; n < 8 && (await stories.first().innerText()) !== wanted; n++) {
      const before = (await stories.allInnerTexts()).join();
      await page.locator(`#feed li:text-is("${wanted}")`).click();
      await page.waitForTimeout(150);
      assert.equal((await stories.allInnerTexts()).join().length, before.length);
    }
    assert.equal(await stories.first().innerText(), wanted, "what was clicked has risen to the top");
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await server.end();
  }
}

test("the quick start for Vite builds, and its feed reorders", async () => {
  const site = await copied("vite");
  execFileSync(resolve("node_modules/.bin/vite"), ["build", "--logLevel", "error"], { cwd: site, stdio: "inherit" });
  await worksIn(join(site, "dist"));
});

test("the quick start for a script tag needs nothing but the package's files", async () => {
  const site = await copied("script");
  await rename(join(site, "node_modules/privet/dist"), join(site, "privet"));
  await rm(join(site, "node_modules"), { recursive: true });
  await worksIn(site);
});
