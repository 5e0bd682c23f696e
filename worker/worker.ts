// The worker's entry: one call at a time, in the order of asking, so that no two ever share the device.

import { Host } from "./host.ts";
import type { Reply, Request } from "./protocol.ts";
import { failureFrom } from "./refusal.ts";

const host = new Host();
let last: Promise<unknown> = Promise.resolve();

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  last = last.then(() => answer(data)).then((reply) => postMessage(reply));
});

async function answer({ id, call, args }: Request): Promise<Reply> {
  try {
    const method = host[call] as (...args: unknown[]) => Promise<unknown>;
    return { id, value: await method.apply(host, args) };
  } catch (error) {
    return { id, failure: failureFrom(error) };
  }
}
