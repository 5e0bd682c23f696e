// What a server, or what answers in its stead, may say to an upload; each to a device of its own.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import type { OpenOptions } from "../../worker/protocol.ts";
import { Server } from "../harness.ts";
import { codeOf, context, Kept, open, optionsFor } from "./device.ts";

let server: Server;
let options: OpenOptions;
/** What an upload is answered with, by its id. */
let answer: (id: string) => Response | undefined = () => undefined;
const bodies = new Map<string, Set<string>>();
const network = globalThis.fetch;

before(async () => {
  server = await Server.start(tmpdir(), "split");
  options = await optionsFor(server);
  globalThis.fetch = async (place, init) => {
    if (init?.method !== "PUT") return network(place, init);
    const id = String(place).split("/").pop() ?? "";
    const sent = bodies.get(id) ?? new Set();
    bodies.set(id, sent.add(Buffer.from(init.body as Uint8Array).toString("hex")));
    return answer(id) ?? network(place, init);
  };
});
after(async () => {
  globalThis.fetch = network;
  await server.end();
});

interface Row {
  code: string;
  status: number;
  advice: string;
}

const problem = ({ status, ...rest }: Row) =>
  new Response(JSON.stringify({ type: "about:blank", title: "said the server", status, ...rest }), {
    status,
    headers: { "content-type": "application/problem+json" },
  });

/** A device that has contributed once, and was answered so. */
async function answered(row: () => Response) {
  const store = new Kept();
  const host = await open(options, store);
  await host.consent({ personalise: true, contribute: true });
  const contributed = codeOf(host.contribute(context()));
  const [id = ""] = await debited(host);
  answers.set(id, row);
  const code = await contributed;
  return { host, id, code, fate: async () => (await host.ledger())[0]?.fate };
}

const answers = new Map<string, () => Response>();
answer = (id) => answers.get(id)?.();

/** The ids of what was debited, once there is one. */
async function debited(host: Awaited<ReturnType<typeof open>>): Promise<string[]> {
  for (let n = 0; n < 500; n++) {
    const ids = (await host.ledger()).map(({ id }) => id);
    if (ids.length) return ids;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return [];
}

test("every code that a server can answer is the code that the caller gets; only its own word is for good", async () => {
  const document = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...document.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\w+) \|/gm)].map(([, code, status, advice]) => {
    return { code: code as string, status: Number(status), advice: advice as string };
  });
  assert.ok(rows.length > 60);
  await Promise.all(
    rows.map(async (row) => {
      const { host, id, code, fate } = await answered(() => problem(row));
      assert.equal(code, row.code);
      const pending = row.advice === "retry";
      assert.equal(await fate(), pending ? "ready" : "refused", code);
      if (pending) {
        answers.delete(id);
        assert.equal((await host.contribute(context())).id, id, "the same is sent again");
      } else assert.equal(await codeOf(host.contribute(context())), "round-contributed");
      assert.deepEqual([(await host.ledger()).length, bodies.get(id)?.size], [1, 1], "one debit, and one upload");
      await host.close();
    }),
  );
});

test("what is no Privet server refuses nothing for good, and acknowledges nothing", async () => {
  for (const [status, type, body] of [
    [403, "text/html", "<h1>captive</h1>"],
    [500, "application/json", "{}"],
    [200, "text/html", "<h1>hello</h1>"],
  ] as const) {
    const { host, id, code, fate } = await answered(
      () => new Response(body, { status, headers: { "content-type": type } }),
    );
    assert.deepEqual([code, await fate()], ["server-unreachable", "ready"], String(status));
    answers.delete(id);
    assert.equal((await host.contribute(context())).id, id);
    await host.close();
  }
});
