// The meter of what a page's own thread has to wait notices what it is there for.

import assert from "node:assert/strict";
import { test } from "node:test";
import { heartbeat } from "../bench/heartbeat.ts";
import { launch } from "../harness.ts";

/** How many of the windows have a gap that an 8 ms loop would leave. */
const long = (gaps: number[]) => gaps.filter((gap) => gap >= 7).length / gaps.length;

test("eight milliseconds of work, twenty times a second, are seen", async () => {
  const browser = await launch({ gpu: false });
  try {
    const page = await browser.newPage();
    const idle = await heartbeat(page, 2000);
    assert.ok(idle.length > 50, `${idle.length} windows in two seconds`);
    await page.evaluate(() =>
      setInterval(() => {
        const end = performance.now() + 8;
        while (performance.now() < end);
      }, 50),
    );
    const busy = await heartbeat(page, 2000);
    assert.ok(long(busy) - long(idle) > 0.1, `${long(busy)} of the windows, ${long(idle)} when idle`);
  } finally {
    await browser.close();
  }
});
