// One device on a page, and several who have it open: opening is shared, ending is not.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Options, Personalizer } from "../../web/ts/index.ts";
import { stage } from "./stage.ts";

const on = stage({ shared: "server" });

interface Opening {
  open(more?: Partial<Options>): Promise<Personalizer>;
  code(work: Promise<unknown>): Promise<string>;
  devices: number;
}

beforeEach(async () => {
  await on.page.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const open = (more: object = {}) =>
      createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } }, schedule: "manual", ...more });
    const code = (work: Promise<unknown>) =>
      work.then(
        () => "",
        (error) => error.code ?? String(error),
      );
    Object.assign(globalThis, { open, code, devices: 0 });
    const Plain = Worker;
    globalThis.Worker = class extends Plain {
      constructor(url: URL, options: WorkerOptions) {
        super(url, options);
        (globalThis as unknown as Opening).devices += 1;
      }
    } as typeof Worker;
  });
});

test("whoever opens with a live signal is opened, whatever another's signal says", async () => {
  const seen = await on.page.evaluate(async () => {
    const { open, code } = globalThis as unknown as Opening;
    const [a, b] = [new AbortController(), new AbortController()];
    const first = code(open({ signal: a.signal }));
    a.abort();
    const second = await open({ signal: b.signal });
    const consent = await second.consent({ personalise: true });
    b.abort();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return [await first, consent.personalise, await code(second.status()), await code(open({ signal: b.signal }))];
  });
  assert.deepEqual(seen, ["aborted", true, "closed", "aborted"]);
});

test("a signal closes what was opened with it, and nobody else's; the last one to close closes", async () => {
  const seen = await on.page.evaluate(async () => {
    const page = globalThis as unknown as Opening;
    const { open, code } = page;
    const [a, b] = [new AbortController(), new AbortController()];
    const [first, second, third] = await Promise.all([open({ signal: a.signal }), open({ signal: b.signal }), open()]);
    const codes = async () => [await code(first.status()), await code(second.status()), await code(third.status())];
    const all = [await codes()];
    a.abort();
    all.push(await codes());
    await first.close();
    await second.close();
    await second.close();
    all.push(await codes());
    const locks = async () => (await navigator.locks.query()).held?.length;
    const held = [await locks()];
    await third.close();
    all.push(await codes());
    for (let n = 0; n < 100 && (await locks()); n++) await new Promise((resolve) => setTimeout(resolve, 10));
    held.push(await locks());
    return { all, held, devices: page.devices };
  });
  const [open, closed] = ["", "closed"];
  assert.deepEqual(seen.all, [
    [open, open, open],
    [closed, open, open],
    [closed, closed, open],
    [closed, closed, closed],
  ]);
  assert.deepEqual([seen.held, seen.devices], [[1, 0], 1]);
});

test("mounted, unmounted and mounted again, as React's StrictMode does, it is open", async () => {
  const seen = await on.page.evaluate(async () => {
    const { open, code } = globalThis as unknown as Opening;
    let current: Personalizer | undefined;
    const complaints: string[] = [];
    // An effect and its clean-up.
    const mount = () => {
      const controller = new AbortController();
      open({ signal: controller.signal }).then(
        (personalizer) => (current = personalizer),
        (error) => error.code !== "aborted" && complaints.push(error.code),
      );
      return () => controller.abort();
    };
    mount()();
    const unmount = mount();
    for (let n = 0; n < 300 && !current; n++) await new Promise((resolve) => setTimeout(resolve, 10));
    const during = await code(current!.consent({ personalise: true }));
    unmount();
    return [during, complaints.length, await code(current!.status())];
  });
  assert.deepEqual(seen, ["", 0, "closed"]);
});

test("options are the same however they are written, and others are refused while it is open", async () => {
  const seen = await on.page.evaluate(async () => {
    const { open, code } = globalThis as unknown as Opening;
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const bytes = Uint8Array.from(key.match(/../g), (digits: string) => Number.parseInt(digits, 16));
    const head = "news.head";
    const policy = { waitMs: 5, sessions: 1 };
    const first = await open({ head, policy });
    const same = [
      { head: new URL("news.head", location.href), policy },
      { head: new URL("news.head", location.href).href, policy: { sessions: 1, waitMs: 5 } },
      { head, policy, aggregators: { leader: { url: location.origin, key: bytes } }, backend: "auto" },
    ] as Partial<Options>[];
    const others = [{ head }, { head, policy, backend: "simd" }, { head: "other.head", policy }] as Partial<Options>[];
    const codes = [];
    for (const options of [...same, ...others]) codes.push(await code(open(options)));
    await first.close();
    return codes;
  });
  assert.deepEqual(seen, ["", "", "", "options-differ", "options-differ", "options-differ"]);
});
