// What an application gives wrongly is refused with its field, its value and what would do, and nothing is done by it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { call, type Global, meddle, open, order } from "./site.ts";
import { stage } from "./stage.ts";

// The cases are words that the page has to run.
const on = stage({
  shared: "device",
  device: { bypassCSP: true },
  once: async ({ page }) => assert.equal(await open(page), "open"),
});

/** What calls in the page's own words are answered with: each a function body over `personalizer` and `items`. */
async function answers(bodies: string[]): Promise<string[]> {
  return on.page.evaluate(async (bodies) => {
    const { personalizer, items } = globalThis as unknown as Global;
    const said: string[] = [];
    for (const body of bodies) {
      try {
        // oxlint-disable-next-line typescript/no-implied-eval -- each body is a line of this file
        const call = new Function("personalizer", "items", `return ${body}`);
        said.push(`ok: ${JSON.stringify(await call(personalizer, items))}`);
      } catch (error) {
        const { code, name, message } = error as { code?: string; name: string; message: string };
        said.push(`${name} ${code}: ${message}`);
      }
    }
    return said;
  }, bodies);
}

async function refusals(cases: [body: string, said: RegExp][]): Promise<void> {
  const events = async () => (await call<{ events: number }>(on.page, "status")).events;
  const before = await events();
  const said = await answers(cases.map(([body]) => body));
  for (const [n, [body, expected]] of cases.entries()) assert.match(said[n] ?? "", expected, body);
  assert.equal(await events(), before, "nothing was recorded");
}

const refused = (field: string, rest = "") => new RegExp(`^PrivetError argument-refused: ${field} is ${rest}.*: `);
const candidate = (change: string) => `personalizer.rerank([items[0], { ...items[1], ${change} }])`;
const act = (change: string) => `personalizer.record({ kind: "click", item: items[0], ${change} })`;

test("candidates", () =>
  refusals([
    ["personalizer.rerank({ a: 1 })", refused("candidates", "an object")],
    ["personalizer.rerank()", refused("candidates", "missing")],
    ["personalizer.rerank([null])", refused("candidates\\[0\\]", "null")],
    [candidate("id: 7"), refused("candidates\\[1\\].id", "7")],
    [candidate('id: ""'), refused("candidates\\[1\\].id", "“”")],
    [candidate("score: undefined"), refused("candidates\\[1\\].score", "missing")],
    [candidate('score: "3"'), refused("candidates\\[1\\].score", "“3”")],
    [candidate("score: NaN"), refused("candidates\\[1\\].score", "NaN")],
    [candidate("embedding: undefined"), refused("candidates\\[1\\].embedding", "missing")],
    [candidate("embedding: [1, 2]"), /^PrivetError (embedding-length|candidate-refused): .*2/],
    [candidate('attributes: { colour: "red" }'), /attribute-unknown: candidates\[1\].attributes names “colour”: /],
  ]));

test("rules and limits", () =>
  refusals([
    ...["0", "-1", "NaN", "2.5", '"3"'].map(
      (limit) => [`personalizer.rerank(items, { limit: ${limit} })`, refused("limit")] as [string, RegExp],
    ),
    ["personalizer.rerank(items, { diversity: 2 })", refused("diversity", "2")],
    [
      "personalizer.rerank(items, { rules: { caps: { colour: 1 } } })",
      /attribute-unknown: rules.caps names “colour”: /,
    ],
    ['personalizer.rerank(items, { rules: { pins: { "item-1": -1 } } })', refused("rules.pins\\[“item-1”\\]", "-1")],
    ['personalizer.rerank(items, { rules: { pins: { "item-9": 0 } } })', refused("rules.pins", "“item-9”")],
    [
      'personalizer.rerank(items, { rules: { freshness: { age: "hours", under: 3 } } })',
      refused("rules.freshness.age"),
    ],
  ]));

test("what was done", () =>
  refusals([
    ["personalizer.record()", refused("interaction", "missing")],
    ['personalizer.record({ kind: "clack", item: items[0] })', refused("kind", "“clack”")],
    ['personalizer.record({ kind: "click" })', refused("item", "missing")],
    ['personalizer.record({ kind: "click", item: { id: "item-0" } })', refused("item.embedding", "missing")],
    [act("item: { ...items[0], id: 7 }"), refused("item.id", "7")],
    [act("slate: -1"), refused("slate", "-1")],
    [act("value: -5"), refused("value", "-5")],
    [act("value: NaN"), refused("value", "NaN")],
    [act("time: NaN"), refused("time", "NaN")],
    [act("time: 0"), refused("time", "0")],
    [act('time: new Date("no")'), refused("time")],
  ]));

test("where the device lives", async () => {
  const opened = (options: object) =>
    on.page.evaluate(async (options) => {
      const entry = "/index.js";
      const { createPersonalizer } = await import(entry);
      const store = { storage: { kind: "memory", lasting: true } };
      const whole = { task: "elsewhere", ...("store" in options ? store : options) };
      return createPersonalizer(whole).then(
        () => "open",
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
    }, options);
  assert.match(await opened({ worker: false }), /^argument-refused: worker is false: give `serve` of `privet\/worker`/);
  assert.match(
    await opened({ store: true }),
    /^argument-refused: storage is an object: .* give `serve` of `privet\/worker`/,
  );
});

test("consent, and what takes aggregators", async () => {
  await refusals([
    ["personalizer.consent()", refused("consent", "missing")],
    ['personalizer.consent({ personalise: "yes" })', refused("consent.personalise", "“yes”")],
    ["personalizer.consent({ personalize: true })", refused("consent", "“personalize”")],
  ]);
  const seen = await on.page.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const said = (options: object) =>
      createPersonalizer(options).then(
        () => "opened",
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
    const text = new TextEncoder().encode("<!doctype html><title>a page</title>");
    return [
      await said({ task: "a" }),
      await said({ task: "b", head: "/nowhere.head" }),
      await said({ task: "c", head: "/index.html" }),
      await said({ task: "d", head: text }),
      await said({ task: "e", head: await fetch("/nowhere.head") }),
    ];
  });
  assert.match(seen[0]!, /^argument-refused: head is missing: without aggregators/);
  assert.match(seen[1]!, /^head-refused: there is no head at http.*nowhere.head: status 404/);
  assert.match(seen[2]!, /^head-refused: http.*index.html hold a page or a text and no head/);
  assert.match(seen[3]!, /^head-refused: the bytes hold a page/);
  assert.match(seen[4]!, /^head-refused: there is no head at http.*nowhere.head: status 404/);
});

test("a Date is a time, the key is enough on a slate that knows the item, and a far future is tomorrow at most", async () => {
  const before = await order(on.page);
  const seen = await answers([
    act("time: new Date()"),
    `personalizer.rerank(items).then(async (slate) => personalizer.record({ kind: "click", item: { id: "item-1" }, slate: slate.id }))`,
    `(async () => { for (let n = 0; n < 3; n++) await personalizer.record({ kind: "click", item: items[3] }); })()`,
  ]);
  assert.deepEqual(seen, ["ok: true", "ok: true", "ok: undefined"]);
  while (await call<boolean>(on.page, "train", { maxMs: 50 }));
  const now = await order(on.page);
  assert.notDeepEqual(now, before);
  const future = await answers([act("item: items[2], time: Date.now() + 10 * 365 * 864e5")]);
  assert.deepEqual(future, ["ok: true"]);
  while (await call<boolean>(on.page, "train", { maxMs: 50 }));
  assert.equal((await order(on.page))[0], now[0], "one event from ten years ahead turns nothing over");
  const { recent } = await call<{ recent: { time: number }[] }>(on.page, "profile");
  assert.ok(recent.every(({ time }) => time <= Date.now() + 864e5));
});

test("an act that was given up in time is not recorded, and one that was not says that it is", async () => {
  const [events, answered, after] = await on.page.evaluate(async () => {
    const { personalizer, items } = globalThis as unknown as Global;
    const count = async () => (await personalizer.status()).events;
    const before = await count();
    const all = Array.from({ length: 20 }, () => {
      const given = new AbortController();
      const work = personalizer.record({ kind: "click", item: items[0]! }, { signal: given.signal });
      return { given, work: work.then(String, ({ code }) => code as string) };
    });
    for (const { given } of all) given.abort();
    const said = await Promise.all(all.map(({ work }) => work));
    return [before, said, await count()] as const;
  });
  assert.ok(
    answered.every((said) => said === "true" || said === "aborted"),
    String(answered),
  );
  assert.equal(after - events, answered.filter((said) => said === "true").length);
});

test("without aggregators there is no statement, and the words say why", async () => {
  const other = await on.tab();
  const said = await other.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const first = await createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } } });
    const { head } = await first.audit.inspect("round");
    await first.close();
    const hash = Array.from(head as Uint8Array, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const personalizer = await createPersonalizer({ task: "alone", head: `/v1/heads/${hash}` });
    const told = (work: Promise<unknown>) => work.then(String, ({ code }) => code as string);
    return [await told(personalizer.audit.statement()), await told(personalizer.audit.preview())];
  });
  assert.deepEqual(said, ["not-taking-part", "not-taking-part"]);
});

test("kinds are compared as numbers and attributes are, and a profile that is not used is told of", async () => {
  const other = await on.context.newPage();
  const warned: string[] = [];
  other.on("console", (message) => message.type() === "warning" && warned.push(message.text()));
  await other.goto(on.server.address);
  const said = await other.evaluate(async () => {
    const entry = "/index.js";
    const { createPersonalizer } = await import(entry);
    const { leader: key } = await (await fetch("/v1/identity")).json();
    const open = (events: string[]) =>
      createPersonalizer({ task: "demo", aggregators: { leader: { url: "/", key } }, schema: { events } }).then(
        (personalizer: { close(): Promise<void> }) => personalizer.close().then(() => "open"),
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
    return [await open(["click"]), await open(["click", "teleport"])];
  });
  assert.equal(said[0], "open");
  assert.match(said[1]!, /^schema-refused: .* differ in teleport$/);
  await call(on.page, "close");
  await meddle(other, "records", "demo/profile", [1, 2, 3]);
  assert.equal(await open(other, {}, null), "open");
  assert.match(warned.join(), /privet: the stored profile is left as it is, unused \(state-damaged\)/);
});
