// What counts as shown: what somebody can have seen. Exposure teaches, so anything else would be wrong data.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { call, type Global, open } from "./site.ts";
import { stage } from "./stage.ts";

const on = stage({ shared: "server" });

beforeEach(() => open(on.page));

const events = async () => (await call<{ events: number }>(on.page, "status")).events;

/** Longer than what has to be visible, with room for a slow machine. */
const WAIT_MS = 2500;

test("what is detached, removed, hidden, of no size or not there at all is not shown", async () => {
  const answers = await on.page.evaluate(async (ms) => {
    const { personalizer, items } = globalThis as unknown as Global;
    const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const make = (style: string) => {
      const element = document.createElement("div");
      element.style.cssText = `height: 40px; ${style}`;
      element.textContent = "a story";
      return element;
    };
    const elements = {
      detached: make(""),
      removed: make(""),
      hidden: make("display: none"),
      invisible: make("visibility: hidden"),
      transparent: make("opacity: 0"),
      empty: make("height: 0; overflow: hidden"),
    };
    for (const [name, element] of Object.entries(elements)) if (name !== "detached") document.body.append(element);
    const settled: Record<string, unknown> = {};
    for (const [name, element] of Object.entries({ ...elements, nothing: document.querySelector("#none") })) {
      const slate = await personalizer.rerank(items);
      slate.shown(element).then(
        (shown) => (settled[name] = shown),
        (error) => (settled[name] = error.code),
      );
    }
    await wait(200);
    elements.removed.remove();
    await wait(ms);
    return settled;
  }, WAIT_MS);
  assert.deepEqual(answers, { nothing: false });
  assert.equal(await events(), 0);
});

test("of lists that replace each other the last is shown", async () => {
  const answers = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    const list = document.querySelector<HTMLElement>("#slate")!;
    list.style.cssText = "height: 300px";
    const shown: Promise<boolean>[] = [];
    for (let n = 0; n < 5; n++) {
      const slate = await personalizer.rerank(items);
      list.replaceChildren(...slate.items.map(({ id }) => Object.assign(document.createElement("p"), { title: id })));
      shown.push(slate.shown(list));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return Promise.all(shown);
  });
  assert.deepEqual(answers, [false, false, false, false, true]);
  assert.equal(await events(), 1);
});

test("a list that was replaced before it was seen is not shown, though what took its place says nothing", async () => {
  const answer = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    const list = document.querySelector<HTMLElement>("#slate")!;
    list.style.cssText = "height: 300px";
    const slate = await personalizer.rerank(items);
    list.replaceChildren(document.createElement("p"));
    const shown = slate.shown(list);
    await new Promise((resolve) => setTimeout(resolve, 300));
    list.replaceChildren("nothing to be seen");
    return shown;
  });
  assert.equal(answer, false);
  assert.equal(await events(), 0);
});

test("what is given up while it is waited for settles as any call does", async () => {
  const codes = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    const code = (work: Promise<unknown>) => work.then(String, (error) => error.code as string);
    const below = document.createElement("div");
    below.style.cssText = "height: 300px; margin-top: 5000px";
    document.body.append(below);
    const slate = await personalizer.rerank(items);
    const given = new AbortController();
    const shown = code(slate.shown(below, { signal: given.signal }));
    given.abort();
    const late = code(slate.shown(below, { signal: AbortSignal.timeout(50) }));
    const before = code(slate.shown(undefined, { signal: AbortSignal.abort() }));
    return Promise.all([shown, late, before]);
  });
  assert.deepEqual(codes, ["aborted", "timed-out", "aborted"]);
  assert.equal(await events(), 0);
});
