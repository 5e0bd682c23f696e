// Simulated devices, a few at a time. Each is a real client by the package alone: a profile, a ledger, noise and a
// sealed upload of its own. What is simulated is the person before it, who chooses what a taste chooses.

import { createPersonalizer, type Store } from "privet";
import type { serve } from "privet/worker";
import { sha256 } from "../bytes.ts";
import type { Story } from "../model.ts";
import type { Order, Sent } from "./protocol.ts";

/** What a device is shown, and how much of it is chosen at most. */
const SHOWN = 48;
const CHOSEN = 6;

/** The package's worker script, which lies beside this one, loaded at run time: so it is not bundled a second time. */
const BESIDE = "./worker.js";
const served = import(BESIDE) as Promise<{ serve: typeof serve }>;

/** How many run at a time: each waits for a random moment before it sends, and others begin meanwhile. */
const AT_A_TIME = 8;

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  let left = data.devices;
  const oneAfterTheOther = async () => {
    while (left-- > 0) {
      const sent = await contributed(data).catch(refused);
      postMessage(sent);
      if (sent.refused) left = 0;
    }
  };
  for (let n = 0; n < AT_A_TIME; n++) void oneAfterTheOther();
});

async function contributed({ task, aggregators, policy, stories }: Order): Promise<Sent> {
  const start = performance.now();
  const personalizer = await createPersonalizer({
    task,
    aggregators,
    policy,
    // A ledger that lasts as long as this device does, and is nobody else's.
    storage: storeOfItsOwn(),
    allowEvictable: true,
    worker: (await served).serve,
    schedule: "manual",
    backend: "scalar",
  });
  try {
    await personalizer.consent({ personalise: true, contribute: true });
    const taste = pick(stories).topic;
    const slate = await personalizer.rerank(sample(stories, SHOWN));
    await slate.shown();
    const chosen = slate.items.filter(({ topic }) => topic === taste).slice(0, CHOSEN);
    for (const item of chosen) await personalizer.record({ kind: "click", item, slate: slate.id });
    const { round, id, count, rho, examples, bytes } = await personalizer.contribute();
    const hash = await sha256(bytes);
    return { round, id, count, rho, examples, bytes: bytes.length, sha256: hash, taste, ms: performance.now() - start };
  } finally {
    await personalizer.close();
  }
}

function refused(error: unknown): Sent {
  const { code = "", message = String(error) } = Object(error) as { code?: string; message?: string };
  return { refused: { code, message } };
}

const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T;

/** A sample without replacement. */
function sample(stories: readonly Story[], size: number): Story[] {
  const left = [...stories];
  return Array.from({ length: size }, () => left.splice(Math.floor(Math.random() * left.length), 1)[0] as Story);
}

/** `lasting`, because it outlives all that is asked of it: the device ends before its store does. */
function storeOfItsOwn(): Store {
  const values = new Map<string, Uint8Array>();
  const waiting = new Map<string, Promise<unknown>>();
  return {
    kind: "memory",
    lasting: true,
    get: async (key) => values.get(key),
    keys: async (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
    put: async (changes) => {
      for (const [key, value] of Object.entries(changes)) {
        if (value) values.set(key, value);
        else values.delete(key);
      }
    },
    clear: async () => values.clear(),
    alone: (name, work) => {
      const done = (waiting.get(name) ?? Promise.resolve()).then(work, work);
      waiting.set(name, done);
      return done;
    },
  };
}
