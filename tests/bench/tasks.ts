// How long a page's own thread was busy at a stretch, by the browser's trace. What the clock says of a task is also what
// else the machine does; a task's time on the processor is the page's alone.

import type { Browser, Page } from "playwright-core";

/** A task of the page's thread, in milliseconds. */
export interface Task {
  cpuMs: number;
  wallMs: number;
}

interface Traced {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
}

const MARK = "privet-page";
const CATEGORIES = ["toplevel", "blink.user_timing"];

/** The tasks while something is done, of the thread that the page has at its end. */
export async function tasks(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<Task[]> {
  const session = await browser.newBrowserCDPSession();
  const events: Traced[] = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as Traced[])));
  const traceConfig = { includedCategories: CATEGORIES, excludedCategories: ["*"] };
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig });
  const over = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  try {
    await work();
    await page.evaluate((mark) => performance.mark(mark), MARK);
  } finally {
    await session.send("Tracing.end");
    await over;
    await session.detach();
  }
  // The browser's own pages have threads of their own.
  const own = events.find(({ name }) => name === MARK);
  const isOwn = ({ name, pid, tid }: Traced) => name.endsWith("RunTask") && pid === own?.pid && tid === own.tid;
  // One that was under way when the trace began or ended has no length.
  return events.flatMap((event) => {
    const { ph, dur, tdur } = event;
    if (ph !== "X" || !isOwn(event) || dur === undefined || tdur === undefined) return [];
    return [{ cpuMs: tdur / 1000, wallMs: dur / 1000 }];
  });
}
