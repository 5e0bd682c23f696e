// A browser without WebGPU: the twin computes, and the page says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, Server } from "../harness.ts";

test("without WebGPU the path is the same, on the CPU", async () => {
  const [server, browser] = await Promise.all([Server.start(undefined, "split"), launch({ gpu: false })]);
  try {
    const page = await browser.newPage();
    await open(page, server.address);
    await page.click("#walk");
    await page.locator("#walk:enabled").waitFor();
    assert.match(await page.locator("#stage-gradient p").innerText(), /over 1 example, by the CPU in/);
    assert.equal((await server.count()).count, 1);
  } finally {
    await browser.close();
    await server.end();
  }
});
