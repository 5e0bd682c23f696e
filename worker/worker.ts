// The worker's entry: one call at a time, in the order of asking, so that no two ever share the device. Between calls it
// learns, in slices so short that no call waits for long.

import { Host } from "./host.ts";
import type { Reply, Asked } from "./protocol.ts";
import { failureFrom } from "./refusal.ts";

/** A call waits for one slice at most. */
const SLICE_MS = 8;

const host = new Host();
let last: Promise<unknown> = Promise.resolve();
let learning = false;

addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  last = last.then(() => answer(data)).then((reply) => postMessage(reply));
  if (!learning) {
    learning = true;
    last = last.then(learn);
  }
});

async function answer({ id, call, args }: Asked): Promise<Reply> {
  try {
    const method = host[call] as (...args: unknown[]) => Promise<unknown>;
    return { id, value: await method.apply(host, args) };
  } catch (error) {
    return { id, failure: failureFrom(error) };
  }
}

/** One slice; the next stands behind the calls that have come meanwhile. */
function learn(): void {
  learning = more();
  if (learning) setTimeout(() => (last = last.then(learn)));
}

/** A module that has failed says so in the answer to the next call. */
function more(): boolean {
  try {
    return host.learn(SLICE_MS);
  } catch {
    return false;
  }
}
